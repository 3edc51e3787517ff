// How much of a file is read at once for a client, by how quickly it took what was sent lately: memory
// is for those that empty it, and is not to wait on anybody.

import {
  readBufferBytes,
  slowClientBytesPerSecond,
  slowReadBufferBytes,
} from '../../core/limits.ts'
import { crowdReadBufferBytes, provenClientBytes } from '../../core/serving-limits.ts'

export interface Progress {
  /** Its rate is limited: small slices pass evenly. */
  readonly limited: boolean
  /** Of this answer, up to now. */
  readonly sentBytes: number
  /** Of the last slices, the newest with most weight, and how long the client took for them. */
  readonly recentBytes: number
  readonly recentMs: number
}

export interface Pace {
  readonly sliceBytes: number
  /** Took more than lies in the kernel's buffers, and quickly: it may have what memory there is. */
  readonly proven: boolean
  /** May the next slice be read while this one goes out, if there is memory for it? */
  readonly ahead: boolean
}

/** A slow client's kernel takes about a dozen small slices at once, and then nothing for long. */
const kept = 15 / 16

/** Another slice went out. */
export const advance = (progress: Progress, bytes: number, tookMs: number): Progress => ({
  limited: progress.limited,
  sentBytes: progress.sentBytes + bytes,
  recentBytes: progress.recentBytes * kept + bytes,
  recentMs: progress.recentMs * kept + tookMs,
})

/** `crowded`: memory for newcomers is used up. */
export const paceOf = (
  { limited, sentBytes, recentBytes, recentMs }: Progress,
  crowded: boolean,
): Pace => {
  const slow = recentMs > 0 && (recentBytes / recentMs) * 1000 < slowClientBytesPerSecond
  if (slow && crowded) return { sliceBytes: crowdReadBufferBytes, proven: false, ahead: false }
  return {
    sliceBytes: limited || slow ? slowReadBufferBytes : readBufferBytes,
    proven: !slow && sentBytes >= provenClientBytes,
    ahead: true,
  }
}
