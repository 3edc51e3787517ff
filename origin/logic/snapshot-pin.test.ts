import t from 'tap'
import type { RepoPath } from '../../core/ids.ts'
import { snapshotPinMs } from '../../core/limits.ts'
import { makePin, pinnedFolder, type SnapshotPin, snapshotFor } from './snapshot-pin.ts'

const path = (text: string): RepoPath => text as RepoPath

t.test('indexes below a Release come from the snapshot of that Release', async t => {
  const pins = new Map<string, SnapshotPin>([['dists/stable', makePin(4, 0)]])
  const look = (text: string, nowMs = 1) =>
    snapshotFor(path(text), 9, nowMs, folder => pins.get(folder))
  t.equal(look('dists/stable/main/binary-amd64/Packages.gz'), 4)
  t.equal(look('dists/stable/main/binary-amd64/Packages.gz', snapshotPinMs), 9)
  t.equal(look('dists/testing/main/binary-amd64/Packages.gz'), 9)
  t.equal(look('dists/stable/InRelease'), 9, 'a new Release is always the latest')
  t.equal(look('pool/a.deb'), 9)
})

t.test('the folder of an entry point is what gets pinned', async t => {
  t.equal(pinnedFolder(path('dists/stable/InRelease')), 'dists/stable')
  t.equal(pinnedFolder(path('Release')), '')
  t.equal(pinnedFolder(path('r/repodata/repomd.xml')), 'r/repodata')
  t.equal(pinnedFolder(path('pool/a.deb')), null)
})

t.test('a flat repository is pinned as a whole', async t => {
  const pins = new Map<string, SnapshotPin>([['', makePin(2, 0)]])
  t.equal(
    snapshotFor(path('Packages.gz'), 3, 1, folder => pins.get(folder)),
    2,
  )
})
