// Compares a snapshot with the record of the mirror and fills the work list, slice by slice, so that
// serving goes on. Decides nothing: scope, quota and plan are pure functions.

import { setImmediate as breathe } from 'node:timers/promises'
import type { ContentNumber, RepoPath, SnapshotNumber } from '../core/ids.ts'
import { redirectFloorBytes } from '../core/limits.ts'
import { workSliceRows } from '../core/volunteer-limits.ts'
import { keepAtOrigin } from '../manifest/logic/keep-at-origin.ts'
import type { Scope } from '../manifest/logic/scope.ts'
import type { Content, Entry } from '../manifest/model.ts'
import type { ManifestReader } from '../manifest/store/reader.ts'
import type { HeldStore } from './held-store.ts'
import { placementRank } from './logic/placement.ts'
import { type PathRecord, type PlanStep, planPaths } from './logic/plan.ts'
import type { WorkList } from './work-list.ts'

export interface SurveyParts {
  readonly reader: ManifestReader
  readonly store: HeldStore
  readonly work: WorkList
  readonly scope: Scope
  readonly quotaBytes: number | null
  /** What clients ask for most, most first. */
  readonly popular: () => readonly ContentNumber[]
}

export interface SurveyResult {
  /** Contents in scope that the quota leaves out. */
  readonly leftOut: number
}

/** By name only: a small package is no metadata, though the origin keeps it. */
const isMetadata = (path: RepoPath, { sizeBytes }: Content): boolean =>
  keepAtOrigin(path, Math.max(sizeBytes, redirectFloorBytes))

function* entriesInScope(
  { reader, scope }: SurveyParts,
  snapshot: SnapshotNumber,
): Generator<Entry> {
  let after: RepoPath | undefined
  for (;;) {
    const page = reader.entries(snapshot, {
      limit: workSliceRows,
      ...(after === undefined ? {} : { after }),
    })
    for (const entry of page) if (scope(entry.path)) yield entry
    after = page.at(-1)?.path
    if (after === undefined) return
  }
}

function* recordsOf(store: HeldStore): Generator<PathRecord> {
  let after: RepoPath | null = null
  for (;;) {
    const page: PathRecord[] = store.records(after, workSliceRows)
    yield* page
    const last = page.at(-1)
    if (last === undefined) return
    after = last.path
  }
}

/** Take `items` and `write` them in slices, each in one transaction; others run in between. */
const inSlices = async <T>(
  items: Iterable<T>,
  store: HeldStore,
  signal: AbortSignal,
  write: (item: T) => void,
): Promise<void> => {
  const rest = items[Symbol.iterator]()
  for (let done = false; !done; await breathe()) {
    signal.throwIfAborted()
    store.transaction(() => {
      for (let count = 0; count < workSliceRows; count++) {
        const next = rest.next()
        done = next.done === true
        if (next.done === true) return
        write(next.value)
      }
    })
  }
}

const want = ({ reader, work }: SurveyParts, entry: Entry): void => {
  if (entry.kind !== 'file') return
  const content = reader.contentByNumber(entry.content)
  if (content !== null) work.want(content, isMetadata(entry.path, content))
}

/** With a quota everything must be known before anything can be chosen: one more walk. */
const chooseWithinQuota = async (
  parts: SurveyParts,
  quotaBytes: number,
  snapshot: SnapshotNumber,
  signal: AbortSignal,
): Promise<number> => {
  const { store, work } = parts
  const entries = entriesInScope(parts, snapshot)
  await inSlices(entries, store, signal, entry => want(parts, entry))
  const leftOut = work.exceeding(quotaBytes, parts.popular())
  await inSlices(leftOut, store, signal, content => work.leaveOut(content))
  return leftOut.length
}

/** What the plan is made for; without a quota it is counted on the way. */
function* chosen(parts: SurveyParts, snapshot: SnapshotNumber): Generator<Entry> {
  for (const entry of entriesInScope(parts, snapshot)) {
    if (parts.quotaBytes === null) want(parts, entry)
    else if (entry.kind === 'file' && !parts.work.isChosen(entry.content)) continue
    yield entry
  }
}

const writeStep = ({ reader, work, store }: SurveyParts, step: PlanStep, revive: RepoPath[]) => {
  switch (step.kind) {
    case 'keep':
      if (step.revive) revive.push(step.path)
      return
    case 'file': {
      const content = reader.contentByNumber(step.content)
      if (content === null) return
      work.addFile(
        step.path,
        step.content,
        placementRank(step.path, isMetadata(step.path, content)),
      )
      if (store.file(step.path) !== null) revive.push(step.path)
      return
    }
    case 'link':
      work.addLink(step.path, step.target)
      return
    case 'retire':
      work.addLeaving(step.path)
  }
}

/** Fill the work list for a snapshot. The caller keeps everybody else from changing the tree. */
export const survey = async (
  parts: SurveyParts,
  snapshot: SnapshotNumber,
  signal: AbortSignal,
): Promise<SurveyResult> => {
  const { store, work, quotaBytes } = parts
  work.clear()
  const leftOut =
    quotaBytes === null ? 0 : await chooseWithinQuota(parts, quotaBytes, snapshot, signal)
  const revive: RepoPath[] = []
  const steps = planPaths(chosen(parts, snapshot), recordsOf(store))
  await inSlices(steps, store, signal, step => writeStep(parts, step, revive))
  store.retire(revive, null)
  work.recount()
  return { leftOut }
}
