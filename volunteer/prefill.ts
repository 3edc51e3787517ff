// Builds the search for local bytes of contents that are about to be fetched, and what of it other
// volunteers may ask for. No decisions.

import { join } from 'node:path'
import { type Random, systemClock } from '../core/clock.ts'
import { volunteerFormsBytes } from '../core/delta-limits.ts'
import { kernel } from '../core/kernel/kernel.ts'
import type { Logger } from '../core/log.ts'
import type { ManifestReader } from '../manifest/store/reader.ts'
import type { BasisFinder } from '../prsync/basis.ts'
import { Matcher } from '../prsync/matcher.ts'
import { Prefiller } from '../prsync/prefill.ts'
import type { Prefill } from '../prsync/prefills.ts'
import type { RangesSource } from '../prsync/ranges-client.ts'
import { Forms } from '../prsync/unpacked/forms.ts'
import { InsideSearch } from '../prsync/unpacked/inside.ts'
import type { Roster } from '../tracker/roster.ts'
import { PrefillSources } from './prefill-sources.ts'
import { postRanges, type RangesPostParts } from './ranges-post.ts'
import type { Space } from './space.ts'

export interface VolunteerPrefillParts {
  readonly reader: Pick<ManifestReader, 'contentByNumber' | 'bundleByInfoHash'>
  readonly finder: BasisFinder
  readonly roster: Pick<Roster, 'urlOf'>
  readonly post: RangesPostParts
  readonly origin: RangesSource
  readonly random: Random
  readonly logger: Logger
  readonly space: Pick<Space, 'usableBytes'>
  /** Scratch files of gzip files that are looked into: `inside/` and `forms/` below it. */
  readonly dataDir: string
}

export interface VolunteerPrefill {
  readonly prefill: Prefill
  readonly sources: PrefillSources
  /** Unpacked forms of what is held. */
  readonly forms: Forms
  /** Bytes copied from local files instead of being fetched. */
  reusedBytes(): number
  /** Remove what an earlier process left. */
  start(): Promise<void>
  stop(): Promise<void>
}

export const makePrefill = (parts: VolunteerPrefillParts): VolunteerPrefill => {
  const { reader, finder, roster, post, origin, random, logger, space, dataDir } = parts
  const usableBytes = (): Promise<number> => space.usableBytes()
  const matcher = new Matcher()
  const sources = new PrefillSources({
    ...{ roster, reader, origin, random, clock: systemClock },
    post: (whom, body, signal) => postRanges(post, whom, body, signal),
  })
  const sourcesOf = sources.of.bind(sources)
  const scratch = { matcher, kernel, usableBytes, logger }
  const inside = new InsideSearch({ ...scratch, folder: join(dataDir, 'inside') })
  const forms = new Forms({
    ...{ folder: join(dataDir, 'forms'), mostBytes: volunteerFormsBytes },
    ...{ usableBytes, logger },
  })
  const prefiller = new Prefiller({ finder, matcher, kernel, sourcesOf, inside, logger })
  return {
    sources,
    forms,
    prefill: async (member, signal, target) => {
      const content = reader.contentByNumber(member.number)
      if (content?.sha256 !== member.sha256) return
      await prefiller.prefill(content, signal, target)
    },
    reusedBytes: () => prefiller.reusedBytes,
    start: async () => {
      await inside.start()
      await forms.start()
    },
    stop: async () => {
      await inside.stop()
      await forms.stop()
      await matcher.stop()
    },
  }
}
