// Before a content is fetched: finds which of its bytes local files have, by chunk hashes asked of
// whoever holds it, and copies them into its partial file. Knows nothing of pieces and of the swarm.

import { setImmediate as breathe } from 'node:timers/promises'
import { anchorsForMissingShare, prefillFloorBytes } from '../core/delta-limits.ts'
import { describeError } from '../core/errors.ts'
import type { Kernel } from '../core/kernel/kernel.ts'
import type { Logger } from '../core/log.ts'
import type { Content } from '../manifest/model.ts'
import type { BasisCandidate, BasisFinder } from './basis.ts'
import { HashStore } from './hash-store.ts'
import { type ChunkMatches, coveredRuns, type Span } from './logic/delta-plan.ts'
import { nextStep, type RefineStep, startRefine, tookStep, usualPrice } from './logic/refine.ts'
import { runsBytes } from './logic/runs.ts'
import type { Matcher } from './matcher.ts'
import type { PrefillTarget } from './prefills.ts'
import { ContentAsker, type RangesSource } from './ranges-client.ts'
import { copySpans } from './span-copier.ts'
import { matchStep } from './step-match.ts'
import type { InsideSearch } from './unpacked/inside.ts'

export interface PrefillParts {
  readonly finder: BasisFinder
  readonly matcher: Pick<Matcher, 'match'>
  readonly kernel: Pick<Kernel, 'chunkHashes'>
  /** Who may hold a content, in the order of asking: neighbours, then the origin. */
  readonly sourcesOf: (content: Content) => readonly RangesSource[]
  /** Looks inside gzip files first. */
  readonly inside?: Pick<InsideSearch, 'prefill'>
  readonly logger: Logger
}

/** What is known of one content on the way. */
interface Search {
  readonly content: Content
  readonly asker: ContentAsker
  readonly hashes: HashStore
  readonly signal: AbortSignal
  /** What was found says nothing about the bases: not all could be asked. */
  isCut: boolean
}

export class Prefiller {
  readonly #parts: PrefillParts
  /** Bytes copied from local files instead of being fetched, since the start. */
  reusedBytes = 0

  constructor(parts: PrefillParts) {
    this.#parts = parts
  }

  /**
   * Copy what local files have of a content and set its coverage; nothing is asked of anybody when no
   * local file is a plausible basis. Whoever cannot answer, and whatever changes meanwhile, only makes
   * it find less. Throws MS_DISK_FULL and other errors of `target`, and the signal's reason.
   */
  async prefill(content: Content, signal: AbortSignal, target: PrefillTarget): Promise<void> {
    const { finder, sourcesOf, logger } = this.#parts
    const { sha256, sizeBytes } = content
    if (sizeBytes < prefillFloorBytes) return
    const asker = new ContentAsker(content, sourcesOf(content), logger)
    const hashes = new HashStore(sizeBytes)
    const search: Search = { content, asker, hashes, signal, isCut: false }
    const named = await finder.byName(content)
    signal.throwIfAborted()
    if (named.length > 0 && (await this.#inside(content, named, signal, target))) return
    const plan = { bases: [...named], spans: [] as readonly Span[] }
    if (named.length > 0) plan.spans = await this.#find(search, plan, 0)
    const anchored = await this.#byAnchors(search, plan)
    if (anchored.length > 0) {
      plan.bases.push(...anchored)
      plan.spans = await this.#find(search, plan, named.length)
    }
    const { bases, spans } = plan
    const runs = await copySpans(target, { sha256, spans, bases }, signal)
    if (runs.length > 0) await target.setCoverage(sha256, runs)
    if (bases.length === 0) return
    const matchedBytes = runsBytes(runs)
    this.reusedBytes += matchedBytes
    if (!search.isCut) finder.outcome(content, bases, matchedBytes)
    logger.debug({ sha256, sizeBytes, bases: bases.length, matchedBytes }, 'local bytes reused')
  }

  /** Whether all of the content could be made by what a local gzip file has inside. */
  async #inside(
    content: Content,
    bases: readonly BasisCandidate[],
    signal: AbortSignal,
    target: PrefillTarget,
  ): Promise<boolean> {
    const { inside, sourcesOf, finder, logger } = this.#parts
    if (inside === undefined) return false
    const asker = new ContentAsker(content, sourcesOf(content), logger)
    const outcome = await inside.prefill({ content, asker, target, signal }, bases)
    const { sha256, sizeBytes } = content
    logger.debug({ sha256, sizeBytes, ...outcome }, 'looked inside')
    if (outcome.kind !== 'made') return false
    this.reusedBytes += outcome.sparedBytes
    finder.outcome(content, bases, sizeBytes)
    return true
  }

  /** More bases, by the content's list of anchors: only if much is missing and it is plausible. */
  async #byAnchors(
    search: Search,
    plan: { readonly bases: readonly BasisCandidate[]; readonly spans: readonly Span[] },
  ): Promise<readonly BasisCandidate[]> {
    const { finder } = this.#parts
    const { content, asker, signal } = search
    const missing = content.sizeBytes - runsBytes(coveredRuns(plan.spans))
    const isMuch = missing * anchorsForMissingShare >= content.sizeBytes
    if (!isMuch || !finder.worthAnchors(content)) return []
    try {
      const anchors = await asker.anchors(signal)
      const found = await finder.byAnchors(content, anchors)
      const tried = new Set(plan.bases.map(({ file }) => String(file)))
      return found.filter(({ file }) => !tried.has(String(file)))
    } catch (error) {
      this.#giveUp(search, error)
      return []
    }
  }

  /** The spans that can be had, looking for chunks in the bases from `firstNew` on. */
  async #find(
    search: Search,
    plan: { readonly bases: readonly BasisCandidate[]; readonly spans: readonly Span[] },
    firstNew: number,
  ): Promise<readonly Span[]> {
    let state = startRefine(search.content.sizeBytes, usualPrice, plan.spans)
    try {
      for (;;) {
        const next = nextStep(state)
        if (next.step === null) return next.state.spans
        const matches = await this.#match(search, plan.bases, firstNew, next.step, state.spans)
        state = tookStep(next.state, next.step, matches)
        // With many thousands of runs each of these takes a while, and others want their turn.
        await breathe()
      }
    } catch (error) {
      this.#giveUp(search, error)
      return state.spans
    }
  }

  async #match(
    search: Search,
    bases: readonly BasisCandidate[],
    firstNew: number,
    step: RefineStep,
    spans: readonly Span[],
  ): Promise<ChunkMatches> {
    const { signal } = search
    const hashes = await search.hashes.get(step, ask => search.asker.hashes(ask, signal))
    signal.throwIfAborted()
    return await matchStep(this.#parts, { step, hashes, spans, bases, firstNew }, signal)
  }

  /** What was found so far is used; the rest is fetched as ever. */
  #giveUp(search: Search, error: unknown): void {
    if (search.signal.aborted) throw search.signal.reason
    search.isCut = true
    const fields = { sha256: search.content.sha256, reason: describeError(error) }
    this.#parts.logger.info(fields, 'no further local bytes looked for')
  }
}
