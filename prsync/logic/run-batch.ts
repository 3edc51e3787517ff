// Which of the runs that wait to be asked of the origin go into the next request, and in what order.
// Knows nothing of requests under way.

import { originBatchBytes, originBatchRuns } from '../../core/limits.ts'
import type { Run } from './runs.ts'
import { runEnd } from './runs.ts'

export interface WaitingRuns<Key> {
  readonly sha256: Key
  /** Not empty. */
  readonly runs: readonly Run[]
  readonly lengthBytes: number
}

/** Cut runs into parts that each fit into one request. */
export const cutRuns = (runs: readonly Run[]): Run[][] => {
  const parts: Run[][] = []
  let part: Run[] = []
  let bytes = 0
  for (const run of runs) {
    for (let offset = run.offset; offset < runEnd(run); ) {
      if (bytes >= originBatchBytes || part.length >= originBatchRuns) {
        parts.push(part)
        part = []
        bytes = 0
      }
      const length = Math.min(originBatchBytes - bytes, runEnd(run) - offset)
      part.push({ offset, length })
      bytes += length
      offset += length
    }
  }
  if (part.length > 0) parts.push(part)
  return parts
}

const startOf = (item: WaitingRuns<unknown>): number => item.runs[0]?.offset ?? 0

const endOf = (item: WaitingRuns<unknown>): number => {
  const last = item.runs.at(-1)
  return last === undefined ? 0 : runEnd(last)
}

/**
 * The first waiting items, as many as one request may carry, with those of a content together and in
 * the order of their bytes. Of items of one content that overlap only the first is chosen.
 */
export const nextBatch = <Key, Item extends WaitingRuns<Key>>(waiting: Iterable<Item>): Item[] => {
  const groups = new Map<Key, Item[]>()
  let bytes = 0
  let runs = 0
  for (const item of waiting) {
    const isFull =
      bytes + item.lengthBytes > originBatchBytes || runs + item.runs.length > originBatchRuns
    if (isFull && bytes > 0) break
    bytes += item.lengthBytes
    runs += item.runs.length
    const group = groups.get(item.sha256)
    if (group === undefined) groups.set(item.sha256, [item])
    else group.push(item)
  }
  const batch: Item[] = []
  for (const group of groups.values()) {
    let end = 0
    for (const item of group.sort((a, b) => startOf(a) - startOf(b))) {
      if (startOf(item) < end) continue
      batch.push(item)
      end = endOf(item)
    }
  }
  return batch
}
