import { join } from 'node:path'
import t from 'tap'
import type { RepositoryId } from '../core/ids.ts'
import { HeldStore } from './held-store.ts'
import { Popular } from './popular.ts'

const manifest = { repositoryId: 'ab'.repeat(32) as RepositoryId, epoch: 1 }
const list = {
  tag: 'x.1',
  contents: [
    [7, 9],
    [3, 2],
  ] as [number, number][],
}

t.test('the list is kept between runs, and used for its own epoch only', async t => {
  const file = join(t.testdir(), 'held.db')
  const store = HeldStore.open(file)
  const popular = new Popular(store)
  t.equal(popular.tag, null)
  t.strictSame(popular.contents(manifest), [])
  popular.replace(list, manifest)
  store.close()
  const reopened = HeldStore.open(file)
  t.teardown(() => reopened.close())
  const again = new Popular(reopened)
  t.equal(again.tag, 'x.1')
  t.strictSame(again.contents(manifest), [7, 3])
  t.strictSame(again.contents({ ...manifest, epoch: 2 }), [])
  t.strictSame(again.contents(null), [])
})

t.test('a damaged list is asked for again', async t => {
  const store = HeldStore.open(join(t.testdir(), 'held.db'))
  t.teardown(() => store.close())
  for (const text of ['{', '{"tag":1}', '[]', 'null']) {
    store.setMeta('popular', text)
    t.equal(new Popular(store).tag, null, text)
  }
})
