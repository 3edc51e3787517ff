// Notices that volunteers know a newer snapshot than this origin has: then an older copy of its data
// folder was put in place without a new epoch, and volunteers refuse to follow. It decides nothing.

import type { Clock } from '../core/clock.ts'
import type { VolunteerName } from '../core/ids.ts'
import type { Logger } from '../core/log.ts'
import type { ManifestPosition } from '../tracker/messages.ts'

/** How often it is said again. */
const complainMs = 10 * 60_000

/** Whether `theirs` is a later state of the same repository than `own`; null: nothing is known. */
export const isAhead = (
  theirs: ManifestPosition | null,
  own: ManifestPosition | null,
): theirs is ManifestPosition =>
  theirs !== null &&
  own !== null &&
  theirs.repositoryId === own.repositoryId &&
  (theirs.epoch > own.epoch || (theirs.epoch === own.epoch && theirs.snapshot > own.snapshot))

export interface GoneBackParts {
  readonly clock: Clock
  readonly logger: Pick<Logger, 'error'>
  /** The newest snapshot here. */
  readonly own: () => ManifestPosition | null
}

export class GoneBack {
  readonly #parts: GoneBackParts
  #saidMs = Number.NEGATIVE_INFINITY

  constructor(parts: GoneBackParts) {
    this.#parts = parts
  }

  /** A volunteer announced that it has the manifest up to `theirs`. */
  heard(volunteer: VolunteerName, theirs: ManifestPosition | null): void {
    const { clock, logger } = this.#parts
    const own = this.#parts.own()
    if (!isAhead(theirs, own)) return
    const nowMs = clock.monotonicMs()
    if (nowMs - this.#saidMs < complainMs) return
    this.#saidMs = nowMs
    logger.error(
      { volunteer, theirs: [theirs.epoch, theirs.snapshot], own: [own?.epoch, own?.snapshot] },
      'volunteers know a newer snapshot than this origin, and do not follow: after restoring an older copy make an empty file "new-epoch" in the data folder, and start again',
    )
  }
}
