// How much of a file is read at once for a client, by what it took so far: memory is for those that
// empty it quickly, and is not to wait on anybody.

import {
  provenClientBytes,
  readBufferBytes,
  slowClientBytesPerSecond,
  slowReadBufferBytes,
} from '../../core/limits.ts'

export interface Progress {
  /** Its rate is limited: small slices pass evenly. */
  readonly limited: boolean
  /** Of this answer, up to now. */
  readonly sentBytes: number
  /** The slice that went out last, and how long the client took for it; 0 before the first. */
  readonly lastBytes: number
  readonly lastMs: number
}

export interface Pace {
  readonly sliceBytes: number
  /** Took more than lies in the kernel's buffers, and quickly: it may have what memory there is. */
  readonly proven: boolean
  /** May the next slice be read while this one goes out, if there is memory for newcomers too? */
  readonly ahead: boolean
}

export const paceOf = ({ limited, sentBytes, lastBytes, lastMs }: Progress): Pace => {
  const slow = lastMs > 0 && (lastBytes / lastMs) * 1000 < slowClientBytesPerSecond
  return {
    sliceBytes: limited || slow ? slowReadBufferBytes : readBufferBytes,
    proven: !slow && sentBytes >= provenClientBytes,
    ahead: !slow,
  }
}
