import t from 'tap'
import type { RepoPath } from '../../core/ids.ts'
import { connectionPinMs, snapshotPinMs } from '../../core/update-limits.ts'
import {
  isEntryPoint,
  pinKeyOf,
  preferredPin,
  promiseKey,
  type SnapshotPin,
  snapshotFor,
} from './snapshot-pin.ts'

const path = (text: string): RepoPath => text as RepoPath

/** How a client that was given these files in these snapshots, all at 0, sees a path at 9. */
const viewAfter = (given: Readonly<Record<string, number>>) => {
  const pins = new Map<string, SnapshotPin>()
  for (const [file, snapshot] of Object.entries(given)) {
    const key = pinKeyOf(path(file))
    if (key !== null) pins.set(key, { snapshot, sinceMs: 0 })
  }
  return (text: string, nowMs = 1) => snapshotFor(path(text), 9, nowMs, key => pins.get(key))
}

t.test('indexes below a Release come from the snapshot of that Release', async t => {
  const view = viewAfter({ 'dists/stable/InRelease': 4 })
  t.equal(view('dists/stable/main/binary-amd64/Packages.gz'), 4)
  t.equal(view('dists/stable/main/binary-amd64/Packages.gz', snapshotPinMs), 9)
  t.equal(view('dists/stable/Release.gpg'), 4)
  t.equal(view('dists/testing/main/binary-amd64/Packages.gz'), 9)
  t.equal(view('dists/stable/InRelease'), 9, 'a new Release is always the latest')
  t.equal(view('dists/stable/Release'), 9)
  t.equal(view('pool/a.deb'), 9)
})

t.test('the Release of one architecture is an index of the Release above it', async t => {
  const view = viewAfter({
    'dists/stable/InRelease': 4,
    'dists/stable/main/binary-amd64/Release': 3,
    'dists/stable/main/source/Release': 3,
  })
  for (const name of ['Release', 'Packages']) {
    t.equal(view(`dists/stable/main/binary-amd64/${name}`), 4)
    t.equal(view(`dists/stable/main/source/${name}`), 4)
  }
  t.equal(viewAfter({})('dists/stable/main/binary-amd64/Release'), 9)
})

t.test('a flat repository is pinned as a whole', async t => {
  t.equal(viewAfter({ InRelease: 2 })('Packages.gz'), 2)
  t.equal(viewAfter({ InRelease: 2 })('Release'), 9)
  t.equal(viewAfter({ 'flat/Release': 2 })('flat/Release.gpg'), 2)
  t.equal(viewAfter({ 'flat/Release': 2 })('Packages.gz'), 9)
})

t.test('the nearest folder counts', async t => {
  const view = viewAfter({ InRelease: 2, 'dists/stable/InRelease': 4 })
  t.equal(view('dists/stable/main/Packages'), 4)
  t.equal(view('Packages'), 2)
})

t.test('signatures and keys of repomd.xml, databases and lists of hashes go with them', async t => {
  const view = viewAfter({
    'r/repodata/repomd.xml': 1,
    'core/core.db': 2,
    'core/core.files.tar.gz': 3,
    'iso/SHA256SUMS': 5,
    'alpine/APKINDEX.tar.gz': 6,
  })
  t.equal(view('r/repodata/repomd.xml.asc'), 1)
  t.equal(view('r/repodata/repomd.xml.key'), 1)
  t.equal(view('r/repodata/primary.xml.gz'), 1)
  t.equal(view('core/core.db.sig'), 2)
  t.equal(view('core/core.files.tar.gz.sig'), 3)
  t.equal(view('core/other.db.sig'), 9, 'each database has its own')
  t.equal(view('core/core.db'), 9, 'a database is always the latest')
  t.equal(view('iso/SHA256SUMS.gpg'), 5)
  t.equal(view('alpine/APKINDEX.tar.gz'), 9, 'it carries its signature')
})

t.test('who was told the hash of a file gets that file, but not for ever', async t => {
  const pins = new Map([[promiseKey(path('r/repodata/repomd.xml')), { snapshot: 3, sinceMs: 0 }]])
  const view = (nowMs: number) =>
    snapshotFor(path('r/repodata/repomd.xml'), 9, nowMs, key => pins.get(key))
  t.equal(view(1), 3)
  t.equal(view(snapshotPinMs), 9)
})

t.test('only files that begin an update are entry points', async t => {
  for (const text of ['dists/a/InRelease', 'Release', 'r/repodata/repomd.xml', 'x.db', 'MD5SUMS']) {
    t.ok(isEntryPoint(path(text)), text)
  }
  for (const text of ['pool/a.deb', 'dists/a/Release.gpg', 'x.db.sig', 'dists/a/Packages.gz']) {
    t.notOk(isEntryPoint(path(text)), text)
  }
})

t.test('of two clients that look the same, each connection keeps its own snapshot', async t => {
  const own: SnapshotPin = { snapshot: 3, sinceMs: 1000 }
  const newest: SnapshotPin = { snapshot: 4, sinceMs: 2000 }
  t.equal(preferredPin(own, newest, 2001), own)
  t.equal(preferredPin(undefined, newest, 2001), newest)
  t.equal(preferredPin(own, undefined, 1000 + connectionPinMs), undefined)
  t.equal(preferredPin(own, newest, 1000 + connectionPinMs), newest, 'one client with two of them')
})
