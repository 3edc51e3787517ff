// What to fetch of a piece that local bytes cover in part, and how that is cut into requests. Offsets
// are those in the piece. Knows neither files nor connections.

import { coalescedGapBytes } from '../../core/limits.ts'
import { clipRuns, complementRuns, type Run, runEnd } from './runs.ts'

/**
 * What a piece that spans [from, from + lengthBytes) of a content lacks, given the covered runs of the
 * content. Covered bytes between two missing runs that cost more to leave out are fetched too.
 */
export const lackingOf = (coverage: readonly Run[], from: number, lengthBytes: number): Run[] => {
  const here = clipRuns(coverage, from, from + lengthBytes)
  const covered = here.map(run => ({ offset: run.offset - from, length: run.length }))
  const lacking: { offset: number; length: number }[] = []
  for (const run of complementRuns(covered, lengthBytes)) {
    const last = lacking.at(-1)
    if (last !== undefined && run.offset - runEnd(last) < coalescedGapBytes) {
      last.length = runEnd(run) - last.offset
    } else lacking.push({ ...run })
  }
  return lacking
}

/** The same bytes in requests of at most `blockBytes`. */
export const blocksOf = (lacking: readonly Run[], blockBytes: number): Run[] => {
  const blocks: Run[] = []
  for (const run of lacking) {
    for (let offset = run.offset; offset < runEnd(run); offset += blockBytes) {
      blocks.push({ offset, length: Math.min(blockBytes, runEnd(run) - offset) })
    }
  }
  return blocks
}
