// Makes the mirror show one snapshot: recognise, link, fetch and place pool files, then metadata,
// then retire what is no longer in it. At every moment in between any web server may show the tree.

import { rm } from 'node:fs/promises'
import { describeError, systemCode } from '../core/errors.ts'
import type { ContentNumber, RepoPath, Sha256, SnapshotNumber } from '../core/ids.ts'
import { activeDownloads } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import { workSliceRows } from '../core/volunteer-limits.ts'
import type { Content } from '../manifest/model.ts'
import type { Adopter } from './adopt.ts'
import type { Fetcher } from './fetch.ts'
import type { Placed, Placer } from './place.ts'
import type { Staging } from './staging.ts'
import { type SurveyParts, survey } from './survey.ts'
import { Turns } from './turns.ts'
import type { Wishes } from './wishes.ts'

export type Phase = 'idle' | 'adopting' | 'syncing'

export interface ReconcilerParts extends SurveyParts {
  readonly adopter: Adopter
  readonly placer: Placer
  readonly fetcher: Fetcher
  readonly staging: Staging
  /** Remove unfinished transfers but those of contents for which this is true. */
  readonly tidyTransfers: (isMissing: (sha256: Sha256) => boolean) => Promise<void>
  readonly nowMs: () => number
  readonly logger: Logger
  readonly onPhase: (phase: Phase) => void
  /** Something worth announcing at once. */
  readonly onMilestone: () => void
}

export class Reconciler {
  readonly #parts: ReconcilerParts
  /** A survey is alone; different contents are put in place at the same time. */
  readonly #turns = new Turns()
  /** Taken by the next run. */
  #wishes: Wishes
  #leftOut = 0

  constructor(parts: ReconcilerParts) {
    this.#parts = parts
    this.#wishes = parts
  }

  /** Hold something else from the next run on. */
  change(wishes: Wishes): void {
    this.#wishes = wishes
  }

  /** Contents that the quota leaves out. */
  get leftOut(): number {
    return this.#leftOut
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.exclusively(work)
  }

  /** A path waits for this content, and it is neither held nor staged. */
  isMissing(number: ContentNumber): boolean {
    const { work, store, staging, reader } = this.#parts
    if (store.holds(number)) return false
    if (work.isNeeded(number, false)) return true
    if (!work.isNeeded(number, true)) return false
    const content = reader.contentByNumber(number)
    return content !== null && !staging.has(content.sha256)
  }

  #isMissingHash(sha256: Sha256): boolean {
    const content = this.#parts.reader.contentByHash(sha256)
    return content !== null && this.isMissing(content.number)
  }

  /**
   * Bring the mirror to a snapshot. True when all of it is in place (but for what is blocked); false
   * when the signal came first: transfers under way go on and count for the next call.
   */
  async run(snapshot: SnapshotNumber, signal: AbortSignal): Promise<boolean> {
    const { adopter, fetcher, onPhase, onMilestone, store, work } = this.#parts
    const { scope, quotaBytes } = this.#wishes
    const parts = { ...this.#parts, scope, quotaBytes }
    const { leftOut } = await this.#exclusively(() => survey(parts, snapshot, signal))
    this.#leftOut = leftOut
    if (work.files(null, 1).length > 0) {
      onPhase(store.adopting ? 'adopting' : 'syncing')
      await adopter.adopt(signal)
    }
    if (!this.#isDone(snapshot)) onPhase('syncing')
    const isTight = !(await this.#makeRoom(quotaBytes))
    const atOnce = isTight ? 1 : activeDownloads
    await this.#placeHeld(signal)
    onMilestone()
    await this.#tidyStaging()
    if ((await fetcher.fetch(false, signal, atOnce)) === 'stopped') return false
    onMilestone()
    if ((await fetcher.fetch(true, signal, atOnce)) === 'stopped') return false
    await this.#exclusively(() => this.#finish(snapshot, signal))
    onMilestone()
    await this.#parts.tidyTransfers(sha256 => this.#isMissingHash(sha256))
    return true
  }

  #isDone(snapshot: SnapshotNumber): boolean {
    const { store, work } = this.#parts
    const open = work.files(null, 1).length + work.links(1).length + work.leaving(null, 1).length
    return open === 0 && store.placedSnapshot() === snapshot
  }

  /** What the fetcher fetched: into its pool paths, or staged until the metadata's turn comes. */
  async takeFetched(content: Content, file: string): Promise<void> {
    const { placer, work, staging } = this.#parts
    // Beside others: files and folders are flushed together then, which costs a fraction.
    await this.#turns.beside(async () => {
      const paths = work.pathsOf(content.number, false)
      if (paths.length > 0) {
        this.#note(await placer.placeFetched(content, file, paths))
      } else if (work.isNeeded(content.number, true)) {
        await placer.verify(content, file)
        await staging.take(content, file)
      } else await rm(file, { force: true })
    })
  }

  #note(results: readonly Placed[]): void {
    const { work, logger } = this.#parts
    for (const result of results) {
      if (result.kind === 'placed') work.done(result.path)
      else {
        work.block(result.path, result.reason)
        logger.warn({ path: result.path, reason: result.reason }, 'a path is blocked')
      }
    }
  }

  /** Contents that are on disk under another name already: no transfer. */
  async #placeHeld(signal: AbortSignal): Promise<void> {
    const { work, reader, placer } = this.#parts
    for (let after = -1; ; ) {
      const page = work.contents(false, true, after, workSliceRows)
      const last = page.at(-1)
      if (last === undefined) return
      for (const number of page) {
        signal.throwIfAborted()
        await this.#exclusively(async () => {
          const content = reader.contentByNumber(number)
          if (content === null) return
          this.#note(await placer.placeHeld(content, work.pathsOf(number, false)))
        })
      }
      after = last
    }
  }

  async #tidyStaging(): Promise<void> {
    const { staging, reader, work } = this.#parts
    await this.#exclusively(() =>
      staging.tidy(sha256 => {
        const content = reader.contentByHash(sha256)
        return content !== null && work.isNeeded(content.number, true) ? content : null
      }),
    )
  }

  /**
   * Within a quota, what is to go goes before the new comes, oldest first and only as much as is
   * needed: the owner's disk comes before a tidy order. False when that is not enough, since what
   * stays at its path until the new bytes are complete (they are made from it) needs room, too: then
   * one transfer at a time, so that the excess is one file or bundle.
   */
  async #makeRoom(quotaBytes: number | null): Promise<boolean> {
    const { store, work } = this.#parts
    if (quotaBytes === null) return true
    const { wantedBytes, heldBytes } = work.progress()
    const missingBytes = wantedBytes - heldBytes
    const exceeds = (): boolean => store.heldBytes() + missingBytes > quotaBytes
    const stuck = new Set<RepoPath>()
    while (exceeds()) {
      const going = [
        ...store.retired(Number.MAX_SAFE_INTEGER, workSliceRows),
        ...work.leaving(null, workSliceRows),
      ].filter(path => !stuck.has(path))
      const [first] = going
      if (first === undefined) return false
      for (const path of going) {
        if (!exceeds()) return true
        if (!(await this.#removeGoing(path))) stuck.add(path)
      }
    }
    return true
  }

  /** False when the owner's rights protect it: everything else goes on. */
  async #removeGoing(path: RepoPath): Promise<boolean> {
    const { placer, work, logger } = this.#parts
    try {
      if (!(await placer.remove(path))) logger.warn({ path }, 'left alone: it was changed here')
      work.left(path)
      return true
    } catch (error) {
      if (systemCode(error) === undefined) throw error
      logger.warn({ path, error: describeError(error) }, 'what is to make room cannot be deleted')
      return false
    }
  }

  async #finish(snapshot: SnapshotNumber, signal: AbortSignal): Promise<void> {
    const { store, work, nowMs } = this.#parts
    for (const rank of [0, 1, 2] as const) {
      for (;;) {
        const page = work.filesOfRank(rank, workSliceRows)
        if (page.length === 0) break
        for (const { path, content } of page) {
          signal.throwIfAborted()
          await this.#placeOne(path, content)
        }
      }
    }
    await this.#placeLinks(signal)
    for (;;) {
      const page = work.leaving(null, workSliceRows)
      if (page.length === 0) break
      store.retire(page, nowMs())
      for (const path of page) work.left(path)
    }
    store.setPlacedSnapshot(snapshot)
  }

  async #placeOne(path: RepoPath, number: ContentNumber): Promise<void> {
    const { reader, store, staging, placer, work } = this.#parts
    const content = reader.contentByNumber(number)
    if (content === null) {
      work.done(path)
    } else if (store.holds(number) || !staging.has(content.sha256)) {
      this.#note(await placer.placeHeld(content, [path]))
    } else {
      const paths = work.pathsOf(number, true)
      this.#note(await placer.placeFetched(content, staging.file(content.sha256), paths))
      await staging.drop(content.sha256)
    }
  }

  async #placeLinks(signal: AbortSignal): Promise<void> {
    const { work, placer } = this.#parts
    for (;;) {
      const page = work.links(workSliceRows)
      if (page.length === 0) return
      for (const { path, target } of page) {
        signal.throwIfAborted()
        this.#note([await placer.placeLink(path, target)])
      }
    }
  }
}
