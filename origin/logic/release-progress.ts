// How a snapshot spreads: who has how much of what was new in it, and when half of the volunteers and
// all of them had everything. A state machine over what volunteers announce; only the newest snapshot
// moves on, since volunteers pass over older ones.

import { releasePoints, rememberedReleases } from '../../core/dashboard-limits.ts'
import type { Release, ReleaseMember, VolunteerRow } from '../../dashboard/logic/overview.ts'

export type SeenVolunteer = Pick<
  VolunteerRow,
  'name' | 'state' | 'snapshot' | 'heldBytes' | 'wantedBytes'
>

export interface SeenSnapshot {
  readonly number: number
  readonly createdMs: number
}

/** Who is gone or not trusted holds nobody up. */
const takesPart = ({ state }: SeenVolunteer): boolean =>
  state === 'synced' || state === 'syncing' || state === 'draining'

const stepMember = (
  before: ReleaseMember | undefined,
  seen: SeenVolunteer,
  number: number,
  nowMs: number,
): ReleaseMember => {
  const { name, state, snapshot, heldBytes, wantedBytes } = seen
  const missing = Math.max(0, wantedBytes - heldBytes)
  const knows = snapshot !== null && snapshot >= number
  if (!knows) {
    return { name, lackedBytes: null, missingBytes: missing, doneMs: null, done: false }
  }
  if (before?.done === true) return before
  // Until it says that it has nothing left to do, its sums may be those of the snapshot before.
  const done = state === 'synced' || (state === 'draining' && missing === 0)
  return {
    name,
    lackedBytes: Math.max(before?.lackedBytes ?? 0, missing),
    missingBytes: done ? 0 : missing,
    doneMs: done ? nowMs : null,
    done,
  }
}

/** The curve with a point more; every second one goes when there are too many. */
const withPoint = (curve: Release['curve'], afterMs: number, part: number): Release['curve'] => {
  const last = curve.at(-1)
  if (last !== undefined && last[1] === part) return curve
  const kept = curve.length < releasePoints ? curve : curve.filter((_, index) => index % 2 === 0)
  return [...kept, [afterMs, part]]
}

const sameMembers = (a: readonly ReleaseMember[], b: readonly ReleaseMember[]): boolean =>
  a.length === b.length &&
  a.every((member, index) => {
    const other = b[index]
    return (
      other !== undefined &&
      member.name === other.name &&
      member.done === other.done &&
      member.missingBytes === other.missingBytes &&
      member.lackedBytes === other.lackedBytes
    )
  })

const stepRelease = (
  release: Release,
  volunteers: readonly SeenVolunteer[],
  nowMs: number,
): Release => {
  const known = new Map(release.members.map(member => [member.name, member]))
  const members = volunteers.flatMap(seen => {
    const before = known.get(seen.name)
    if (takesPart(seen)) return [stepMember(before, seen, release.number, nowMs)]
    return before === undefined ? [] : [before]
  })
  if (sameMembers(members, release.members)) return release
  const present = new Set(volunteers.filter(takesPart).map(({ name }) => name))
  const counted = members.filter(({ name, done }) => done || present.has(name))
  const done = counted.filter(member => member.done).length
  const afterMs = Math.max(0, nowMs - release.publishedMs)
  const half = done > 0 && done * 2 >= counted.length
  const all = done > 0 && done === counted.length
  return {
    ...release,
    members,
    halfMs: release.halfMs ?? (half && release.watched ? nowMs : null),
    allMs: release.allMs ?? (all && release.watched ? nowMs : null),
    curve: withPoint(release.curve, afterMs, counted.length === 0 ? 0 : done / counted.length),
  }
}

const begin = ({ number, createdMs }: SeenSnapshot, startedMs: number): Release => ({
  number,
  publishedMs: createdMs,
  watched: createdMs >= startedMs,
  members: [],
  halfMs: null,
  allMs: null,
  curve: [[0, 0]],
})

/**
 * The releases, newest first, as of now; the same array when nothing changed. `startedMs`: since when
 * somebody looks. A number that is not newer than the last is another epoch's: it starts anew.
 */
export const stepReleases = (
  releases: readonly Release[],
  newest: SeenSnapshot | null,
  volunteers: readonly SeenVolunteer[],
  nowMs: number,
  startedMs: number,
): readonly Release[] => {
  if (newest === null) return releases
  const [first, ...older] = releases
  if (first === undefined || newest.number > first.number) {
    const release = stepRelease(begin(newest, startedMs), volunteers, nowMs)
    return [release, ...releases].slice(0, rememberedReleases)
  }
  if (newest.number < first.number) {
    return [stepRelease(begin(newest, startedMs), volunteers, nowMs)]
  }
  const stepped = stepRelease(first, volunteers, nowMs)
  return stepped === first ? releases : [stepped, ...older]
}
