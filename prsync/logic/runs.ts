// Byte runs of one content as every part of the delta speaks them: sorted, disjoint, not touching
// and never empty. Knows nothing of chunks, pieces or files.

export interface Run {
  readonly offset: number
  readonly length: number
}

export const runEnd = (run: Run): number => run.offset + run.length

/** All bytes of a content; no run at all for an empty one. */
export const wholeRun = (sizeBytes: number): Run[] =>
  sizeBytes > 0 ? [{ offset: 0, length: sizeBytes }] : []

/** Any runs (unsorted, overlapping, empty) in the one form that the functions below expect. */
export const mergeRuns = (runs: Iterable<Run>): Run[] => {
  const sorted: Run[] = []
  let isSorted = true
  for (const run of runs) {
    if (run.length === 0) continue
    isSorted &&= (sorted.at(-1)?.offset ?? 0) <= run.offset
    sorted.push(run)
  }
  if (!isSorted) sorted.sort((a, b) => a.offset - b.offset)
  const merged: { offset: number; length: number }[] = []
  for (const { offset, length } of sorted) {
    const last = merged.at(-1)
    if (last !== undefined && offset <= last.offset + last.length) {
      last.length = Math.max(last.length, offset + length - last.offset)
    } else merged.push({ offset, length })
  }
  return merged
}

/** What of [0, sizeBytes) the runs do not cover. */
export const complementRuns = (runs: readonly Run[], sizeBytes: number): Run[] => {
  const gaps: Run[] = []
  let at = 0
  for (const run of runs) {
    if (run.offset >= sizeBytes) break
    if (run.offset > at) gaps.push({ offset: at, length: run.offset - at })
    at = Math.max(at, runEnd(run))
  }
  if (at < sizeBytes) gaps.push({ offset: at, length: sizeBytes - at })
  return gaps
}

/** The bytes that are in both. */
export const intersectRuns = (first: readonly Run[], second: readonly Run[]): Run[] => {
  const common: Run[] = []
  let i = 0
  let j = 0
  for (;;) {
    const a = first[i]
    const b = second[j]
    if (a === undefined || b === undefined) return common
    const from = Math.max(a.offset, b.offset)
    const to = Math.min(runEnd(a), runEnd(b))
    if (to > from) common.push({ offset: from, length: to - from })
    if (runEnd(a) < runEnd(b)) i += 1
    else j += 1
  }
}

/** The bytes of the first that are not in the second. */
export const subtractRuns = (runs: readonly Run[], less: readonly Run[]): Run[] => {
  const last = runs.at(-1)
  return last === undefined ? [] : intersectRuns(runs, complementRuns(less, runEnd(last)))
}

/** The position of the first run that ends behind `offset`. */
const firstBehind = (runs: readonly Run[], offset: number): number => {
  let low = 0
  let high = runs.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const run = runs[middle]
    if (run !== undefined && runEnd(run) > offset) high = middle
    else low = middle + 1
  }
  return low
}

/** The part of the runs in [from, to), found by binary search; offsets stay those of the content. */
export const clipRuns = (runs: readonly Run[], from: number, to: number): Run[] => {
  const clipped: Run[] = []
  if (from >= to) return clipped
  for (let index = firstBehind(runs, from); index < runs.length; index += 1) {
    const run = runs[index]
    if (run === undefined || run.offset >= to) break
    const offset = Math.max(run.offset, from)
    clipped.push({ offset, length: Math.min(runEnd(run), to) - offset })
  }
  return clipped
}

export const runsBytes = (runs: readonly Run[]): number =>
  runs.reduce((sum, run) => sum + run.length, 0)

/** Whether these are runs of a content of this size in the form that this file promises. */
export const areRuns = (runs: readonly Run[], sizeBytes: number): boolean => {
  let at = -1
  for (const run of runs) {
    const { offset, length } = run
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length)) return false
    if (length < 1 || offset <= at || runEnd(run) > sizeBytes) return false
    at = runEnd(run)
  }
  return true
}
