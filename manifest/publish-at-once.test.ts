// A publish beside others: another publisher, readers, a root that went away.

import { join } from 'node:path'
import t from 'tap'
import { put, repository, tableOf } from './fixtures/test-repository.ts'

t.test('two publishers keep out of each other’s way', async t => {
  const origin = repository(t)
  put(origin, 'a', 'a')
  const unlock = origin.store.lock()
  await t.rejects(origin.publish(), { code: 'MS_PUBLISH_RUNNING' })
  unlock()
  t.match(await origin.publish(), { files: 1 })
})

t.test('readers see one snapshot while the next is made', async t => {
  const origin = repository(t)
  for (let index = 0; index < 50; index++) put(origin, `f${index}`, `old ${index}`)
  await origin.publish()
  const before = tableOf(origin.reader, 1)
  for (let index = 0; index < 50; index++) put(origin, `f${index}`, `new ${index}`)
  let looked = 0
  await origin.publish({
    bundler: {
      plan: candidates => {
        looked += 1
        t.equal(candidates.length, 50)
        t.equal(origin.reader.latest()?.number, 1)
        t.same(tableOf(origin.reader, 1), before)
        return []
      },
    },
  })
  t.equal(looked, 1)
  t.equal(origin.reader.latest()?.number, 2)
})

t.test('a root that is not there is an error, not an empty repository', async t => {
  const origin = repository(t)
  put(origin, 'a', 'a')
  await origin.publish()
  await t.rejects(origin.publish({ root: join(origin.dataDir, 'nowhere') }), {
    code: 'MS_TREE_UNREADABLE',
  })
})
