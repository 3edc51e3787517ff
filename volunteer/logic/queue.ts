// In which order transfers are started. Pure; the fetcher keeps the numbers and does the work.

import type { ContentNumber, InfoHash, SnapshotNumber } from '../../core/ids.ts'

/** One transfer: the wanted members of a bundle, or a content that is in no bundle. */
export interface TransferJob {
  readonly key: string
  readonly source:
    | { readonly kind: 'bundle'; readonly infoHash: InfoHash }
    | { readonly kind: 'content'; readonly content: ContentNumber }
  /** The newest snapshot in which one of the missing contents first appeared. */
  readonly newestSnapshot: SnapshotNumber
  readonly missingBytes: number
  readonly failures: number
  /** Monotonic time before which it is not tried again. */
  readonly notBeforeMs: number
}

/** Newest first, since that is what clients ask for; then large ones, which take longest. */
export const compareJobs = (left: TransferJob, right: TransferJob): number =>
  right.newestSnapshot - left.newestSnapshot ||
  right.missingBytes - left.missingBytes ||
  (left.key < right.key ? -1 : 1)

export type NextJob =
  | { readonly kind: 'start'; readonly job: TransferJob }
  /** All that are left failed lately. */
  | { readonly kind: 'wait'; readonly untilMs: number }
  /** There is a job, but not the space for it. */
  | { readonly kind: 'no space'; readonly neededBytes: number }
  | { readonly kind: 'none' }

/** `jobs` in the order of compareJobs; a job that does not fit is passed over for one that does. */
export const nextJob = (
  jobs: readonly TransferJob[],
  nowMs: number,
  usableBytes: number,
): NextJob => {
  let untilMs = Number.POSITIVE_INFINITY
  let neededBytes = Number.POSITIVE_INFINITY
  for (const job of jobs) {
    if (job.notBeforeMs > nowMs) untilMs = Math.min(untilMs, job.notBeforeMs)
    else if (job.missingBytes > usableBytes) neededBytes = Math.min(neededBytes, job.missingBytes)
    else return { kind: 'start', job }
  }
  if (neededBytes < Number.POSITIVE_INFINITY) return { kind: 'no space', neededBytes }
  return untilMs < Number.POSITIVE_INFINITY ? { kind: 'wait', untilMs } : { kind: 'none' }
}
