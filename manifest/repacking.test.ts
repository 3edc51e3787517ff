import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { RepoPath } from '../core/ids.ts'
import { bundler } from '../prsync/bundler.ts'
import { put, repository, TestFollower, type TestRepository } from './fixtures/test-repository.ts'

/** A bundle's paths by the content of one of them. */
const companions = (origin: TestRepository, path: string): string[] => {
  const snapshot = origin.reader.latest()?.number ?? 0
  const entry = origin.reader.lookup(path as RepoPath, snapshot)
  if (entry?.kind !== 'file') return []
  const members = origin.reader.bundleOf(entry.content)?.members ?? []
  return members.flatMap(number => origin.reader.pathsOf(number, snapshot)).sort()
}

t.test('a bundle that lost three tenths is packed anew with what is new', async t => {
  const origin = repository(t)
  for (const name of ['a', 'b', 'c', 'd']) put(origin, name, name.repeat(1000))
  await origin.publish({ bundler })
  rmSync(join(origin.root, 'a'))
  await origin.publish({ bundler, allowShrink: true })
  t.equal(origin.reader.bundleCount(), 1, 'a quarter is not enough')
  rmSync(join(origin.root, 'b'))
  put(origin, 'e', 'e'.repeat(1000))
  await origin.publish({ bundler, allowShrink: true })
  t.strictSame(companions(origin, 'c'), ['c', 'd', 'e'])
  t.strictSame(companions(origin, 'e'), ['c', 'd', 'e'])
})

t.test('a volunteer that follows knows the new bundle without the old records', async t => {
  const origin = repository(t)
  for (const name of ['a', 'b', 'c']) put(origin, name, name.repeat(1000))
  await origin.publish({ bundler })
  const follower = new TestFollower(join(origin.dataDir, 'follower.db'))
  t.teardown(() => follower.close())
  await follower.follow(origin)
  rmSync(join(origin.root, 'a'))
  await origin.publish({ bundler, allowShrink: true })
  const difference = origin.reader.headParts()?.differences.at(-1)
  const contents = difference === undefined ? 0 : difference.sizeBytes
  await follower.follow(origin)
  const entry = follower.reader.lookup('b' as RepoPath, 2)
  const bundle = entry?.kind === 'file' ? follower.reader.bundleOf(entry.content) : null
  t.equal(bundle?.members.length, 2)
  t.ok(contents < 700, `the difference has ${contents} bytes`)
})

t.test('a repository that changes daily for a year does not need a year of bundles', async t => {
  const origin = repository(t)
  for (let day = 0; day < 40; day++) {
    put(origin, `day-${day}`, `${day}`.repeat(200))
    await origin.publish({ bundler })
  }
  const live = new Set<string>()
  const snapshot = origin.reader.latest()?.number ?? 0
  for (const number of origin.reader.contentsOf(snapshot)) {
    live.add(origin.reader.bundleOf(number)?.infoHash ?? 'none')
  }
  t.ok(live.size <= 20, `${live.size} bundles are in use after 40 days`)
  t.notOk(live.has('none'))
})

t.test('volunteers that want different folders get different bundles', async t => {
  const origin = repository(t)
  const half = 'x'.repeat(1_000_000)
  for (let i = 0; i < 18; i++) {
    put(origin, `debian/${i}`, `${i}${half}`)
    put(origin, `fedora/${i}`, `f${i}${half}`)
  }
  await origin.publish({ bundler, demandOf: path => path.slice(0, 6) })
  const together = companions(origin, 'debian/1')
  t.ok(together.length > 1)
  t.ok(together.every(path => path.startsWith('debian/')))
})
