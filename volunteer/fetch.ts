// Starts transfers, a few at a time, and hands what arrives to be put in place. Which bytes come from
// whom is the swarm's business; this knows jobs, failures and space.

import type { Clock, Random } from '../core/clock.ts'
import { describeError, isMirrorswarmError } from '../core/errors.ts'
import type { ContentNumber, InfoHash } from '../core/ids.ts'
import { activeDownloads } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import { spaceCheckMs, workSliceRows } from '../core/volunteer-limits.ts'
import type { Content } from '../manifest/model.ts'
import type { ManifestReader } from '../manifest/store/reader.ts'
import type { LoadedBundle } from '../prsync/bundle.ts'
import { Holdings } from '../tracker/holdings.ts'
import { backoffMs } from './logic/backoff.ts'
import { compareJobs, nextJob, type TransferJob } from './logic/queue.ts'
import type { Space } from './space.ts'
import type { WorkList } from './work-list.ts'

/** What the fetcher needs of the swarm. */
export interface SwarmDownloads {
  download(
    bundle: LoadedBundle,
    wanted: readonly ContentNumber[],
    options: {
      readonly signal: AbortSignal
      readonly onMember: (content: ContentNumber, partialFile: string) => Promise<void>
    },
  ): Promise<void>
}

export interface FetcherParts {
  readonly reader: ManifestReader
  readonly work: WorkList
  readonly swarm: () => SwarmDownloads
  readonly loadBundle: (infoHash: InfoHash) => Promise<LoadedBundle | null>
  /** Fetch a content that is in no bundle; resolves with the file it is in. */
  readonly fetchAlone: (content: Content, signal: AbortSignal) => Promise<string>
  /** Disk that a content's unfinished transfer occupies already. */
  readonly partialBytes: (content: Content) => Promise<number>
  /** Still missing: some path waits for it, and it is neither held nor staged. */
  readonly isMissing: (content: ContentNumber) => boolean
  /** Verify and put in place, or stage; consumes the file. */
  readonly onFetched: (content: Content, file: string) => Promise<void>
  /** A torrent is being downloaded. */
  readonly onBegun?: () => void
  /** Told of each failure that is tried again. */
  readonly onError?: (error: unknown) => void
  readonly space: Space
  readonly logger: Logger
  readonly clock: Clock
  readonly random: Random
}

interface Active {
  readonly controller: AbortController
  /** What was missing of it when it began. */
  readonly members: readonly ContentNumber[]
  readonly done: Promise<void>
}

type Settled = 'complete' | 'stopped'

export class Fetcher {
  readonly #parts: FetcherParts
  readonly #active = new Map<string, Active>()
  #jobs: TransferJob[] = []
  #shortOfSpace: string | null = null
  #timer: NodeJS.Timeout | undefined
  #spaceTimer: NodeJS.Timeout | undefined
  #pumping: Promise<void> | null = null
  #again = false
  #stopped = true
  #atOnce: number = activeDownloads
  #settle: ((how: Settled) => void) | null = null

  constructor(parts: FetcherParts) {
    this.#parts = parts
  }

  /** Why nothing is fetched though something is missing; null when that is not so. */
  get pausedReason(): string | null {
    return this.#shortOfSpace
  }

  get activeCount(): number {
    return this.#active.size
  }

  /**
   * Fetch everything missing that pool paths, or metadata paths, wait for. Transfers that are under
   * way from an earlier call and still wanted go on. Resolves 'complete' when nothing is missing,
   * 'stopped' after `stop()` or the signal; transfers go on after the signal, not after `stop()`.
   * `atOnce`: how many may be begun beside each other.
   */
  async fetch(
    metadata: boolean,
    signal: AbortSignal,
    atOnce: number = activeDownloads,
  ): Promise<Settled> {
    this.#stopped = false
    this.#atOnce = atOnce
    this.#shortOfSpace = null
    this.#jobs = this.#collect(metadata)
    this.#abortUnwanted()
    const settled = new Promise<Settled>(resolve => {
      this.#settle = resolve
    })
    const stop = (): void => this.#settle?.('stopped')
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    this.#watchSpace()
    this.#pump()
    try {
      return await settled
    } finally {
      signal.removeEventListener('abort', stop)
      this.#settle = null
      this.#jobs = []
      clearTimeout(this.#timer)
      clearInterval(this.#spaceTimer)
    }
  }

  /** Abort all transfers; what they fetched stays for the next start. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#jobs = []
    this.#settle?.('stopped')
    clearTimeout(this.#timer)
    clearInterval(this.#spaceTimer)
    for (const { controller } of this.#active.values()) controller.abort()
    await Promise.allSettled([...this.#active.values()].map(({ done }) => done))
  }

  #collect(metadata: boolean): TransferJob[] {
    const { reader, work, isMissing } = this.#parts
    const jobs: TransferJob[] = []
    const assigned = new Holdings()
    for (let after = -1; ; ) {
      const page = work.contents(metadata, false, after, workSliceRows)
      for (const number of page) {
        if (assigned.has(number) || !isMissing(number)) continue
        const bundle = reader.bundleOf(number)
        const members = bundle === null ? [number] : bundle.members.filter(isMissing)
        for (const member of members) assigned.add(member)
        jobs.push(
          this.#job(
            bundle === null
              ? { kind: 'content', content: number }
              : { kind: 'bundle', infoHash: bundle.infoHash },
            members,
          ),
        )
      }
      const last = page.at(-1)
      if (last === undefined) break
      after = last
    }
    return jobs.sort(compareJobs)
  }

  #job(source: TransferJob['source'], members: readonly ContentNumber[]): TransferJob {
    let newestSnapshot = 0
    let missingBytes = 0
    for (const member of members) {
      const content = this.#parts.reader.contentByNumber(member)
      newestSnapshot = Math.max(newestSnapshot, content?.firstSnapshot ?? 0)
      missingBytes += content?.sizeBytes ?? 0
    }
    const key = source.kind === 'bundle' ? source.infoHash : `content ${source.content}`
    return { key, source, newestSnapshot, missingBytes, failures: 0, notBeforeMs: 0 }
  }

  #abortUnwanted(): void {
    const jobs = new Map(this.#jobs.map(job => [job.key, job]))
    for (const [key, { controller, members }] of this.#active) {
      const job = jobs.get(key)
      if (job === undefined || !this.#isStill(job, members)) controller.abort()
    }
  }

  /** Start what may start. One at a time: each look at the disk must see the one before. */
  #pump(): void {
    if (this.#pumping !== null) {
      this.#again = true
      return
    }
    this.#pumping = this.#startJobs()
      .catch(error => {
        this.#parts.logger.error({ error: describeError(error) }, 'cannot start transfers')
        this.#pumpIn(spaceCheckMs)
      })
      .finally(() => {
        this.#pumping = null
        if (!this.#again) return
        this.#again = false
        this.#pump()
      })
  }

  #pumpIn(delayMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#pump(), delayMs)
  }

  async #startJobs(): Promise<void> {
    while (!this.#stopped && this.#settle !== null && this.#active.size < this.#atOnce) {
      const waiting = this.#jobs.filter(job => !this.#active.has(job.key))
      const nowMs = this.#parts.clock.monotonicMs()
      const next = nextJob(waiting, nowMs, await this.#usableBytes())
      if (this.#stopped || this.#settle === null) return
      if (next.kind === 'start') {
        this.#shortOfSpace = null
        const { members, missingBytes } = await this.#missingOf(next.job)
        if (members.length === 0) this.#drop(next.job.key)
        else if (missingBytes > (await this.#usableBytes()))
          this.#replace({ ...next.job, missingBytes })
        else this.#start(next.job, members)
        continue
      }
      if (next.kind === 'wait') this.#pumpIn(next.untilMs - nowMs)
      if (next.kind === 'no space') await this.#pauseForSpace(waiting, next.neededBytes)
      else if (this.#active.size === 0 && this.#jobs.length === 0) this.#settle('complete')
      return
    }
  }

  /** Partials count once: see whether what is really still to be written fits. */
  async #pauseForSpace(waiting: readonly TransferJob[], neededBytes: number): Promise<void> {
    for (const job of waiting) {
      const { missingBytes } = await this.#missingOf(job)
      if (missingBytes < job.missingBytes) {
        this.#replace({ ...job, missingBytes })
        this.#pumpIn(0)
        return
      }
    }
    if (this.#active.size === 0) {
      this.#shortOfSpace = `too little space: ${neededBytes} more bytes would touch --min-free`
      this.#parts.logger.warn({ neededBytes }, 'too little space, transfers pause')
    }
    this.#pumpIn(spaceCheckMs)
  }

  /** Free space less what the transfers under way will still write. */
  async #usableBytes(): Promise<number> {
    let reservedBytes = 0
    for (const job of this.#jobs) {
      if (this.#active.has(job.key)) reservedBytes += (await this.#missingOf(job)).missingBytes
    }
    return (await this.#parts.space.usableBytes()) - reservedBytes
  }

  async #missingOf(
    job: TransferJob,
  ): Promise<{ readonly members: ContentNumber[]; readonly missingBytes: number }> {
    const { reader, isMissing, partialBytes } = this.#parts
    const members = this.#membersOf(job.source).filter(isMissing)
    let missingBytes = 0
    for (const member of members) {
      const content = reader.contentByNumber(member)
      if (content === null) continue
      missingBytes += Math.max(0, content.sizeBytes - (await partialBytes(content)))
    }
    return { members, missingBytes }
  }

  #drop(key: string): void {
    this.#jobs = this.#jobs.filter(job => job.key !== key)
  }

  #replace(changed: TransferJob): void {
    this.#jobs = this.#jobs.map(job => (job.key === changed.key ? changed : job))
  }

  /** Does a transfer of these members fetch what is missing now? If not, it begins anew. */
  #isStill({ source }: TransferJob, members: readonly ContentNumber[]): boolean {
    const missing = this.#membersOf(source).filter(this.#parts.isMissing)
    return (
      missing.some(each => members.includes(each)) && missing.every(each => members.includes(each))
    )
  }

  #membersOf(source: TransferJob['source']): readonly ContentNumber[] {
    if (source.kind === 'content') return [source.content]
    return this.#parts.reader.bundleByInfoHash(source.infoHash)?.members ?? []
  }

  #start(job: TransferJob, members: readonly ContentNumber[]): void {
    const controller = new AbortController()
    const done = this.#transfer(job, members, controller).then(
      () => this.#finished(job, members.some(this.#parts.isMissing) ? 'incomplete' : null),
      (error: unknown) => this.#finished(job, controller.signal.aborted ? null : error),
    )
    this.#active.set(job.key, { controller, members, done })
  }

  async #transfer(
    job: TransferJob,
    members: readonly ContentNumber[],
    controller: AbortController,
  ): Promise<void> {
    const { reader, loadBundle, swarm, fetchAlone, onFetched, isMissing } = this.#parts
    const { signal } = controller
    const take = async (number: ContentNumber, file: string): Promise<void> => {
      const content = reader.contentByNumber(number)
      if (content !== null) await onFetched(content, file)
      // What else it was begun for may be wanted no more, nor be had from anybody.
      if (!members.some(isMissing)) controller.abort()
    }
    if (job.source.kind === 'content') {
      const content = reader.contentByNumber(job.source.content)
      if (content !== null) await onFetched(content, await fetchAlone(content, signal))
      return
    }
    const bundle = await loadBundle(job.source.infoHash)
    signal.throwIfAborted()
    if (bundle === null) throw new Error(`bundle ${job.source.infoHash} is not known any more`)
    const done = swarm().download(bundle, members, { signal, onMember: take })
    // The tracker tells who else downloads it, and whose share is what.
    this.#parts.onBegun?.()
    await done
  }

  /** A transfer ended: with everything, or to be tried again later. */
  #finished({ key }: TransferJob, error: unknown): void {
    this.#active.delete(key)
    const job = this.#jobs.find(each => each.key === key)
    if (error !== null && job !== undefined) {
      const failures = job.failures + 1
      // A transfer that ended with less than everything is no failure of anybody.
      if (error instanceof Error) this.#parts.onError?.(error)
      const waitMs = backoffMs(failures, this.#parts.random)
      this.#parts.logger.warn(
        { transfer: key, error: describeError(error), failures },
        'a transfer failed, it will be tried again',
      )
      if (isMirrorswarmError(error, 'MS_DISK_FULL')) this.#shortOfSpace = 'the disk is full'
      this.#replace({ ...job, failures, notBeforeMs: this.#parts.clock.monotonicMs() + waitMs })
    }
    this.#pump()
  }

  /** While transfers run the disk may be filled by others: then all of them pause. */
  #watchSpace(): void {
    clearInterval(this.#spaceTimer)
    this.#spaceTimer = setInterval(() => {
      if (this.#active.size === 0) return
      this.#parts.space.usableBytes().then(
        usable => {
          if (usable >= 0) return
          this.#shortOfSpace = 'less than --min-free is free'
          for (const { controller } of this.#active.values()) controller.abort()
        },
        (error: unknown) =>
          this.#parts.logger.warn({ error: describeError(error) }, 'cannot read the free space'),
      )
    }, spaceCheckMs)
  }
}
