// What the indexes of a package repository say about other files; shared by their parsers.

import type { Sha256 } from '../../core/ids.ts'

export interface NamedFile {
  /** As it stands in the index: text, relative to the repository's or suite's folder. */
  readonly path: string
  /** Null where the index does not say. */
  readonly sizeBytes: number | null
  /** Null where the index uses another hash. */
  readonly sha256: Sha256 | null
}
