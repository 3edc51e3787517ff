// Builds the search for local bytes of contents that are about to be fetched. No decisions.

import { type Random, systemClock } from '../core/clock.ts'
import { kernel } from '../core/kernel/kernel.ts'
import type { Logger } from '../core/log.ts'
import type { ManifestReader } from '../manifest/store/reader.ts'
import type { BasisFinder } from '../prsync/basis.ts'
import { Matcher } from '../prsync/matcher.ts'
import { Prefiller } from '../prsync/prefill.ts'
import type { Prefill } from '../prsync/prefills.ts'
import type { RangesSource } from '../prsync/ranges-client.ts'
import type { Roster } from '../tracker/roster.ts'
import { PrefillSources } from './prefill-sources.ts'
import { postRanges, type RangesPostParts } from './ranges-post.ts'

export interface VolunteerPrefillParts {
  readonly reader: Pick<ManifestReader, 'contentByNumber' | 'bundleByInfoHash'>
  readonly finder: BasisFinder
  readonly roster: Pick<Roster, 'urlOf'>
  readonly post: RangesPostParts
  readonly origin: RangesSource
  readonly random: Random
  readonly logger: Logger
}

export interface VolunteerPrefill {
  readonly prefill: Prefill
  readonly sources: PrefillSources
  /** Bytes copied from local files instead of being fetched. */
  reusedBytes(): number
  stop(): Promise<void>
}

export const makePrefill = (parts: VolunteerPrefillParts): VolunteerPrefill => {
  const { reader, finder, roster, post, origin, random, logger } = parts
  const matcher = new Matcher()
  const sources = new PrefillSources({
    ...{ roster, reader, origin, random, clock: systemClock },
    post: (whom, body, signal) => postRanges(post, whom, body, signal),
  })
  const sourcesOf = sources.of.bind(sources)
  const prefiller = new Prefiller({ finder, matcher, kernel, sourcesOf, logger })
  return {
    sources,
    prefill: async (member, signal, target) => {
      const content = reader.contentByNumber(member.number)
      if (content?.sha256 !== member.sha256) return
      await prefiller.prefill(content, signal, target)
    },
    reusedBytes: () => prefiller.reusedBytes,
    stop: () => matcher.stop(),
  }
}
