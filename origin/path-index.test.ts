import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { RepoPath, SnapshotNumber } from '../core/ids.ts'
import { silentLogger } from '../core/log.ts'
import { waitUntil } from '../loadtest/deadline.ts'
import { TestRepository } from '../manifest/fixtures/test-repository.ts'
import { PathIndex } from './path-index.ts'

/** Too large to be served here rather than redirected. */
const long = (text: string): string => text.repeat(5_000)
const limits = { filesLeast: 2, filesMost: 9, settleMs: 1 }
const paths = ['a.deb', 'b/c d.deb', 'b/e.deb', 'b/link.deb', 'b', 'new.deb', 'none'] as RepoPath[]
const otherwise = ['small.deb', 'kept.odd', 'InRelease'] as RepoPath[]
const patience = { timeoutMs: 120_000 }

t.test('an index says what the manifest says of the newest snapshot', async t => {
  const origin = new TestRepository(t.testdir())
  t.teardown(() => origin.close())
  const write = (name: string, text: string) => writeFileSync(join(origin.root, name), text)
  mkdirSync(join(origin.root, 'b'), { recursive: true })
  write('a.deb', long('a'))
  write('b/c d.deb', long('cd'))
  write('b/e.deb', long('a'))
  write('kept.odd', long('k'))
  write('InRelease', long('r'))
  symlinkSync('e.deb', join(origin.root, 'b/link.deb'))
  await origin.publish()
  const { reader } = origin
  const warned: unknown[] = []
  const index = new PathIndex(
    {
      file: join(origin.dataDir, 'manifest.db'),
      latest: () => reader.latest(),
      leftOut: ['*.odd'],
      logger: { ...silentLogger, warn: details => void warned.push(details) },
    },
    limits,
  )
  t.teardown(() => index.stop())
  index.refresh()
  t.equal(index.find('a.deb' as RepoPath, 1), null, 'nothing is known before the start')
  index.start()

  const same = async (snapshot: SnapshotNumber) => {
    await waitUntil('the index', () => index.has(snapshot) || warned.length > 0, patience)
    for (const path of paths) {
      const stored = reader.fileAt(path, snapshot)
      const found = index.find(path, snapshot)
      t.equal(found === null, stored === null, path)
      if (stored !== null) t.match(stored, found ?? {}, path)
    }
    for (const path of otherwise) t.equal(index.find(path, snapshot), null, path)
    t.equal(index.find('a.deb' as RepoPath, snapshot - 1), null, 'of no other snapshot')
  }
  await same(1)

  write('new.deb', long('new'))
  write('small.deb', 'small')
  rmSync(join(origin.root, 'a.deb'))
  await origin.publish()
  index.refresh()
  t.equal(index.has(1), false, 'what is old is forgotten at once')
  index.refresh()
  await same(2)
  t.strictSame(warned, [])

  for (const name of ['1', '2', '3', '4']) write(name, name)
  await origin.publish()
  index.refresh()
  t.equal(reader.latest()?.files, 10)
  await index.stop()
  index.refresh()
  t.equal(index.find('new.deb' as RepoPath, 3), null, 'too many files, and it was stopped')
})

t.test('an index that cannot be made is told of once, and nothing is found', async t => {
  const warned: unknown[] = []
  const index = new PathIndex(
    {
      file: join(t.testdir(), 'no', 'manifest.db'),
      latest: () => ({ number: 1, files: 3 }) as never,
      leftOut: [],
      logger: { ...silentLogger, warn: details => void warned.push(details) },
    },
    limits,
  )
  t.teardown(() => index.stop())
  index.start()
  await waitUntil('the warning', () => warned.length > 0, patience)
  t.match(warned, [{ snapshot: 1 }])
  t.equal(index.has(1), false)
})
