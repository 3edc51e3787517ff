import t from 'tap'
import { releasePoints, rememberedReleases } from '../../core/dashboard-limits.ts'
import type { Release } from '../../dashboard/logic/overview.ts'
import { type SeenVolunteer, stepReleases } from './release-progress.ts'

const volunteer = (name: string, change: Partial<SeenVolunteer> = {}): SeenVolunteer => ({
  ...{ name, state: 'synced', snapshot: 1, heldBytes: 100, wantedBytes: 100 },
  ...change,
})

const step = (
  releases: readonly Release[],
  volunteers: readonly SeenVolunteer[],
  nowMs: number,
  number = 2,
): readonly Release[] =>
  stepReleases(releases, { number, createdMs: 1_000 * number }, volunteers, nowMs, 0)

const lacking = (name: string, missing: number) =>
  volunteer(name, { state: 'syncing', snapshot: 2, heldBytes: 200 - missing, wantedBytes: 200 })
const done = (name: string) => volunteer(name, { snapshot: 2, heldBytes: 200, wantedBytes: 200 })

t.test('a release is followed from its publication until half, and all, have it', async t => {
  let releases = step([], [volunteer('a'), volunteer('b'), volunteer('c')], 2_000)
  t.match(releases[0], { number: 2, watched: true, halfMs: null, allMs: null })
  t.same(
    releases[0]?.members.map(({ lackedBytes, done }) => [lackedBytes, done]),
    [
      [null, false],
      [null, false],
      [null, false],
    ],
    'nobody knows of it, however much each holds',
  )
  releases = step(releases, [lacking('a', 100), lacking('b', 80), volunteer('c')], 3_000)
  releases = step(releases, [lacking('a', 40), done('b'), volunteer('c')], 4_000)
  t.match(releases[0]?.members[0], { lackedBytes: 100, missingBytes: 40, done: false })
  t.match(releases[0]?.members[1], { lackedBytes: 80, missingBytes: 0, doneMs: 4_000 })
  t.equal(releases[0]?.halfMs, null, 'one of three is no half')
  releases = step(releases, [done('a'), done('b'), lacking('c', 1)], 5_000)
  t.match(releases[0], { halfMs: 5_000, allMs: null })
  releases = step(releases, [done('a'), lacking('b', 5), done('c')], 6_000)
  t.match(releases[0], { halfMs: 5_000, allMs: 6_000 }, 'who had it once had it')
  t.same(releases[0]?.curve, [
    [0, 0],
    [2_000, 1 / 3],
    [3_000, 2 / 3],
    [4_000, 1],
  ])
})

t.test('who is away holds nobody up, and who left is not counted', async t => {
  let releases = step([], [lacking('a', 5), lacking('b', 5), lacking('gone', 5)], 2_000)
  const offline = { ...lacking('b', 5), state: 'offline' as const }
  releases = step(releases, [done('a'), offline], 3_000)
  t.match(releases[0], { halfMs: 3_000, allMs: 3_000 })
  t.equal(releases[0]?.members.length, 2)
})

t.test('nothing changed: the same array; other numbers: another release', async t => {
  const first = step([], [volunteer('a')], 2_000)
  t.equal(step(first, [volunteer('a', { heldBytes: 100 })], 9_000), first)
  const second = step(first, [volunteer('a')], 9_000, 3)
  t.same(
    second.map(({ number }) => number),
    [3, 2],
  )
  t.same(
    step(second, [volunteer('a')], 9_500, 1).map(({ number }) => number),
    [1],
    'a restore from backup begins anew',
  )
  t.same(stepReleases([], null, [], 0, 0), [])
  const late = stepReleases([], { number: 7, createdMs: 10 }, [done('a')], 5_000, 4_000)
  t.match(late[0], { watched: false, halfMs: null }, 'what was not seen is not told')
})

t.test('memory is bounded', async t => {
  let releases: readonly Release[] = []
  for (let number = 1; number < 50; number++) releases = step(releases, [], number, number)
  t.equal(releases.length, rememberedReleases)
  releases = []
  let seen = Array.from({ length: 1_000 }, (_, index) => lacking(`v${index}`, 1))
  for (let index = 0; index < seen.length; index++) {
    seen = seen.with(index, done(`v${index}`))
    releases = step(releases, seen, 100_000 + index)
  }
  const curve = releases[0]?.curve ?? []
  t.ok(curve.length <= releasePoints + 1, `${curve.length} points`)
  t.equal(curve.at(-1)?.[1], 1)
})
