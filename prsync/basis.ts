// What a delta needs of whoever knows the local files: which of them may share bytes with a content
// that is wanted. Types only; where files lie and how they are found is the implementation's affair.

import type { Sha256 } from '../core/ids.ts'
import type { Content } from '../manifest/model.ts'
import type { Run } from './logic/runs.ts'
import type { BasisFile } from './matcher.ts'

/** A held file that may share bytes with a wanted content. */
export interface BasisCandidate extends BasisFile {
  readonly sha256: Sha256
  /** What nominated it: the same path, another version, the same base name, or common anchors. */
  readonly reason: 'path' | 'package' | 'name' | 'anchors'
  /** Where in it the common bytes probably lie; absent: anywhere. */
  readonly runs?: readonly Run[]
}

export interface BasisFinder {
  /** Best first, bounded in number and bytes; empty when nothing plausible is held. */
  byName(content: Content): Promise<readonly BasisCandidate[]>
  /** The same by the content's list of anchors (5 bytes each, in order of the file). */
  byAnchors(content: Content, anchors: Uint8Array): Promise<readonly BasisCandidate[]>
  /** Whether asking for the list of anchors is plausible at all; call it after `byName`. */
  worthAnchors(content: Content): boolean
  /** What came of it; families of contents that never match are left out for a while. */
  outcome(content: Content, tried: readonly BasisCandidate[], matchedBytes: number): void
}
