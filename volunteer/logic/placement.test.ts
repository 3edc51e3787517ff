import { posix } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { RepoPath } from '../../core/ids.ts'
import {
  compareForQuota,
  judgeStanding,
  leftOutByQuota,
  linkStaysInside,
  placementRank,
  type QuotaCandidate,
  type Standing,
} from './placement.ts'

const path = (text: string): RepoPath => text as RepoPath

t.test('pool files come first, then indexes, then what names the indexes', async t => {
  t.equal(placementRank(path('pool/a.deb'), false), 0)
  t.equal(placementRank(path('dists/x/main/binary-amd64/Packages'), true), 1)
  for (const name of ['dists/x/InRelease', 'dists/x/Release.gpg', 'r/repodata/repomd.xml']) {
    t.equal(placementRank(path(name), true), 2, name)
  }
  t.equal(placementRank(path('core.db.tar.gz'), true), 2)
})

const candidate = (number: number, sizeBytes: number, more = {}): QuotaCandidate => ({
  number,
  sizeBytes,
  metadata: false,
  firstSnapshot: 1,
  modifiedSeconds: 0,
  ...more,
})

t.test('a quota keeps metadata and the newest contents', async t => {
  const all = [
    candidate(1, 40, { firstSnapshot: 1 }),
    candidate(2, 40, { firstSnapshot: 3 }),
    candidate(3, 40, { firstSnapshot: 2, modifiedSeconds: 5 }),
    candidate(4, 40, { firstSnapshot: 2, modifiedSeconds: 9 }),
    candidate(5, 10, { metadata: true }),
  ].sort(compareForQuota)
  t.strictSame(
    all.map(each => each.number),
    [5, 2, 4, 3, 1],
  )
  t.strictSame([...leftOutByQuota(all, 90)], [3, 1])
  t.strictSame([...leftOutByQuota(all, 1000)], [])
  t.strictSame([...leftOutByQuota(all, 0)], [5, 2, 4, 3, 1])
})

t.test('one that is too large is passed over for smaller, older ones', async t => {
  const all = [candidate(1, 100, { firstSnapshot: 2 }), candidate(2, 10)]
  t.strictSame([...leftOutByQuota(all, 50)], [1])
})

t.test('half of what metadata leaves is for what clients ask for most', async t => {
  const metadata = candidate(0, 20, { metadata: true, firstSnapshot: 9 })
  const old = [candidate(1, 20), candidate(2, 20), candidate(3, 20)]
  const young = [candidate(4, 20, { firstSnapshot: 8 }), candidate(5, 20, { firstSnapshot: 7 })]
  const all = [metadata, ...young, ...old].sort(compareForQuota)
  const popular = [2, 3, 1].map(number => old[number - 1] as QuotaCandidate)
  t.strictSame([...leftOutByQuota(all, 100, popular, 20)], [1], '2 and 3 are the most requested')
  t.strictSame([...leftOutByQuota(all, 60, popular, 20)], [5, 1, 3])
  t.strictSame([...leftOutByQuota(all, 20, popular, 20)], [4, 5, 1, 2, 3], 'metadata before all')
})

t.test('what is kept never exceeds the quota', async _t => {
  const sizes = fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 30 })
  fc.assert(
    fc.property(sizes, fc.integer({ min: 0, max: 500 }), fc.nat(100), (list, quota, odd) => {
      const all = list.map((size, number) =>
        candidate(number, size, { metadata: (number + odd) % 7 === 0 }),
      )
      const popular = all.filter(({ number }) => (number * odd) % 3 === 1).toReversed()
      const sum = all.reduce((bytes, each) => bytes + (each.metadata ? each.sizeBytes : 0), 0)
      const ordered = all.toSorted(compareForQuota)
      const out = new Set(leftOutByQuota(ordered, quota, popular, sum))
      const kept = all.filter(each => !out.has(each.number))
      return kept.reduce((sum, each) => sum + each.sizeBytes, 0) <= quota
    }),
  )
})

const standing = (more: Partial<Standing>): Standing => ({
  kind: 'file',
  asRecorded: false,
  recorded: false,
  knownContent: null,
  ...more,
})

t.test('what is as recorded may be replaced', async t => {
  t.equal(judgeStanding(standing({ asRecorded: true, recorded: true }), false).kind, 'replace')
  t.equal(judgeStanding(standing({ kind: 'link', asRecorded: true }), false).kind, 'replace')
})

t.test('an unknown file is replaced only while adopting, or if it is public content', async t => {
  t.equal(judgeStanding(standing({}), true).kind, 'replace')
  t.equal(judgeStanding(standing({}), false).kind, 'examine')
  t.equal(judgeStanding(standing({ knownContent: true }), false).kind, 'replace')
  t.match(judgeStanding(standing({ knownContent: false }), false), { kind: 'blocked' })
})

t.test('a recorded file that the owner changed is never replaced, adopting or not', async t => {
  for (const adopting of [true, false]) {
    const verdict = judgeStanding(standing({ recorded: true, knownContent: false }), adopting)
    t.match(verdict, { kind: 'blocked', reason: /changed here/ })
  }
})

t.test('symlinks and devices of the owner block, folders are to be cleared first', async t => {
  t.match(judgeStanding(standing({ kind: 'link' }), true), { kind: 'blocked' })
  t.match(judgeStanding(standing({ kind: 'other' }), true), { kind: 'blocked' })
  t.equal(judgeStanding(standing({ kind: 'folder' }), false).kind, 'clear')
  t.equal(judgeStanding(standing({ kind: 'absent' }), false).kind, 'free')
})

t.test('a symlink may climb only as far as it is deep, and only at its beginning', async t => {
  t.ok(linkStaysInside(path('a/b/l'), '../../x'))
  t.ok(linkStaysInside(path('l'), 'x/y'))
  t.ok(linkStaysInside(path('l'), '.'))
  t.notOk(linkStaysInside(path('a/b/l'), '../../../x'))
  t.notOk(linkStaysInside(path('l'), '/etc/passwd'))
  t.notOk(linkStaysInside(path('l'), ''))
  t.notOk(linkStaysInside(path('a/l'), 'x/../../..'))
  t.notOk(linkStaysInside(path('a/l'), '..%2F..%2Fetc'))
})

t.test('an accepted target resolves inside the tree', async _t => {
  const segment = fc.constantFrom('..', '.', 'a', 'b', '')
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 8 }), fc.nat({ max: 4 }), (segments, depth) => {
      const link = path([...Array.from({ length: depth }, () => 'd'), 'l'].join('/'))
      const target = segments.join('/')
      if (!linkStaysInside(link, target)) return true
      const resolved = posix.normalize(posix.join(posix.dirname(link), target))
      return !resolved.startsWith('..') && !posix.isAbsolute(target)
    }),
  )
})
