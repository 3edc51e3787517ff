// Puts together what answers other volunteers over HTTP. No decisions.

import { chunkCacheBytes } from '../core/delta-limits.ts'
import type { VolunteerName } from '../core/ids.ts'
import { kernel } from '../core/kernel/kernel.ts'
import { ReadBudget } from '../delivery/read-budget.ts'
import { ChunkCache } from '../prsync/chunk-cache.ts'
import { RangesAnswerer } from '../prsync/ranges-answer.ts'
import { HeldContents, type HeldContentsParts } from './held-contents.ts'
import { type NeighbourParts, Neighbours } from './neighbours.ts'
import type { RequestSigner } from './request-signer.ts'

type Given = HeldContentsParts &
  Pick<NeighbourParts, 'roster' | 'objects' | 'uploadLimiter' | 'metrics' | 'isWithinHours'> & {
    /** Where long lists of anchors are kept. */
    readonly anchorFolder: string
  } & {
    /** Knows the origin's clock. */
    readonly signer: Pick<RequestSigner, 'nowMs'>
  }

/** `signal` cuts what is being sent. */
export const makeNeighbours = (
  given: Given,
  options: {
    /** The own name: requests must be meant for this volunteer. */
    readonly self: VolunteerName
    readonly isDraining: () => boolean
    readonly signal: AbortSignal
  },
): Neighbours => {
  const { store, folder, reader, logger, onLost, forms } = given
  const { roster, objects, uploadLimiter, metrics, isWithinHours, signer } = given
  const contents = new HeldContents({
    ...{ store, folder, reader, logger, onLost },
    ...(forms === undefined ? {} : { forms }),
  })
  const cache = new ChunkCache(chunkCacheBytes)
  return new Neighbours(
    {
      ...{ roster, contents, objects, uploadLimiter, metrics, logger, isWithinHours },
      ranges: new RangesAnswerer({
        source: contents,
        kernel,
        cache,
        anchorFolder: given.anchorFolder,
      }),
      budget: new ReadBudget(),
      self: options.self,
      isDraining: options.isDraining,
      nowMs: () => signer.nowMs(),
    },
    options.signal,
  )
}
