import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { RepoPath, Sha256 } from '../core/ids.ts'
import { HeldStore } from './held-store.ts'
import { checkMounted } from './mount-check.ts'

const file = {
  path: 'a' as RepoPath,
  sha256: 'a'.repeat(64) as Sha256,
  content: 1,
  sizeBytes: 1,
  modifiedNs: 1n,
  inode: 1n,
}

t.test('an empty folder on another file system is a missing disk', async t => {
  const folder = t.testdir({ mirror: {} })
  const mirror = join(folder, 'mirror')
  const store = HeldStore.open(join(folder, 'held.db'))
  t.teardown(() => store.close())
  const on = (device: string) => async (): Promise<string> => device
  await checkMounted(mirror, store)
  await checkMounted(mirror, store, on('disk'))
  store.record([file])
  await checkMounted(mirror, store, on('disk'))
  await t.rejects(checkMounted(mirror, store, on('root')), {
    code: 'MS_TREE_UNREADABLE',
    message: /mounted/,
  })
  await checkMounted(mirror, store, on('disk'))
  await mkdir(join(mirror, 'x'))
  await writeFile(join(mirror, 'x/y'), 'moved to a new disk')
  await checkMounted(mirror, store, on('new disk'))
})
