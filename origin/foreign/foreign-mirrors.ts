// The mirrors without our daemon: adds them, watches each in a loop of its own for as long as it is
// enrolled, and tells the redirector which path was proved. It decides nothing about files.

import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../../core/clock.ts'
import { describeError, MirrorswarmError } from '../../core/errors.ts'
import {
  type ContentNumber,
  isVolunteerName,
  type RepoPath,
  type VolunteerName,
} from '../../core/ids.ts'
import { generateKeys } from '../../core/keys.ts'
import {
  idleLookMs,
  pauseFirstMs,
  popularLooks,
  tendedContents,
} from '../../core/sampling-limits.ts'
import type { RepositoryIdentity } from '../../manifest/model.ts'
import type { VolunteerRecord } from '../../tracker/events.ts'
import type { Tracker } from '../../tracker/tracker.ts'
import { checkVolunteerUrl } from '../prober.ts'
import {
  type MirrorCounters,
  mirrorKey,
  WatchedMirror,
  type WatchedMirrorParts,
} from './watched-mirror.ts'

export interface MirrorRequest {
  readonly name: VolunteerName
  readonly url: string
  readonly capacityBytesPerSecond: number | null
  readonly allowOpen: boolean
}

/**
 * The record of a mirror. Nobody has the private half of its key, nor its link key: so nobody can
 * announce, enrol or sign in its name. Throws MS_URL_REFUSED.
 */
export const mirrorRecord = (
  { name, url, capacityBytesPerSecond, allowOpen }: MirrorRequest,
  nowMs: number,
  allowLoopback: boolean,
): VolunteerRecord => ({
  ...{ name, url: checkVolunteerUrl(url, allowLoopback), trust: 'full', weight: 1 },
  publicKey: generateKeys('ed25519').publicKey,
  linkKey: randomBytes(32).toString('base64'),
  ...{ reachable: true, disabled: false, draining: false, enrolledMs: nowMs },
  mirror: { capacityBytesPerSecond, allowOpen },
})

/** Whether a mirror at `url` would be this origin itself, whose clients would go in circles. */
const isOwn = (url: string, ownUrl: string | null): boolean => {
  const own = ownUrl === null ? null : URL.parse(`${ownUrl.replace(/\/+$/, '')}/`)
  return own !== null && `${url}/`.startsWith(own.href)
}

/**
 * Enrol a mirror; `ownUrl`: the origin's public one, null where it is not known. Throws MS_REQUEST_INVALID, MS_URL_REFUSED, MS_NAME_TAKEN,
 * MS_ORIGIN_BUSY.
 */
export const addMirror = async (
  tracker: Pick<Tracker, 'volunteer' | 'enrol'>,
  request: MirrorRequest,
  nowMs: number,
  { allowLoopback, ownUrl }: { readonly allowLoopback: boolean; readonly ownUrl: string | null },
): Promise<void> => {
  const { name, capacityBytesPerSecond: capacity } = request
  const refuse = (why: string): never => {
    throw new MirrorswarmError('MS_REQUEST_INVALID', why)
  }
  if (!isVolunteerName(name)) refuse('a name is made of a-z, 0-9 and "-", 63 of them at most')
  if (capacity !== null && !(Number.isSafeInteger(capacity) && capacity > 0)) {
    refuse('a capacity is a number of bytes in a second')
  }
  const record = mirrorRecord(request, nowMs, allowLoopback)
  if (isOwn(record.url, ownUrl)) {
    const message = `${record.url} is this origin itself; a mirror is another server`
    throw new MirrorswarmError('MS_URL_REFUSED', message)
  }
  if (tracker.volunteer(record.name) !== null) {
    const message = `there is a volunteer called ${record.name} already; remove it first`
    throw new MirrorswarmError('MS_NAME_TAKEN', message)
  }
  await tracker.enrol(record)
}

export type ForeignMirrorsParts = Omit<
  WatchedMirrorParts,
  'tracker' | 'look' | 'popular' | 'session' | 'counters'
> & {
  readonly tracker: WatchedMirrorParts['tracker'] & Pick<Tracker, 'candidates' | 'enrol'>
  readonly look: (signal: AbortSignal) => WatchedMirrorParts['look']
  /** The origin asks clients for credentials. */
  readonly requireClients: boolean
  readonly clock: Clock
}

interface Running {
  readonly mirror: WatchedMirror
  readonly stop: AbortController
  readonly done: Promise<void>
}

export class ForeignMirrors {
  readonly #parts: ForeignMirrorsParts
  readonly #running = new Map<VolunteerName, Running>()
  /** Loops of mirrors that were removed, until they have ended. */
  readonly #ending = new Set<Promise<void>>()
  readonly #popular = new LRUCache<ContentNumber, true>({ max: popularLooks })
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  /** Rows of mirrors that were removed may be left, also from before the start. */
  #untidy = true
  readonly counters: MirrorCounters = {
    looks: { right: 0, absent: 0, untold: 0, failed: 0, busy: 0 },
    readBytes: 0,
    lostProofs: 0,
  }

  constructor(parts: ForeignMirrorsParts) {
    this.#parts = parts
  }

  /** Watch those that are enrolled, from now on. */
  start(): void {
    this.check()
    this.#timer = setInterval(() => this.#tick(), idleLookMs)
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stopped = true
    for (const name of this.#running.keys()) this.#end(name)
    await Promise.all(this.#ending)
    this.#parts.store.close()
  }

  /** How many are watched now. */
  get watched(): number {
    return this.#running.size
  }

  /** A client asked for a content. */
  requested(content: ContentNumber): void {
    if (this.#running.size > 0) this.#popular.set(content, true)
  }

  /** A client came back from a volunteer. */
  suspect(name: VolunteerName, content: ContentNumber): void {
    this.#running.get(name)?.mirror.suspect(content)
  }

  /** To be called when a snapshot was published, before clients see it. */
  published(): void {
    for (const { mirror } of this.#running.values()) mirror.published()
    this.check()
  }

  /** Where below the mirror's URL this content was proved to be; null: nowhere now. */
  provedPathOf(name: VolunteerName, content: ContentNumber): RepoPath | null {
    return this.#running.get(name)?.mirror.provedPathOf(content) ?? null
  }

  /** Begin to watch who was added, and end it for who was removed; a timer does it. */
  check(): void {
    const { tracker, reader, requireClients } = this.#parts
    const identity = reader.identity()
    if (this.#stopped || identity === null || reader.latest() === null) return
    const wanted = new Map<VolunteerName, VolunteerRecord>()
    for (const { record } of tracker.candidates()) {
      const isOpen = record.mirror?.allowOpen === true || !requireClients
      if (record.mirror !== undefined && isOpen) wanted.set(record.name, record)
    }
    for (const [name, { mirror }] of this.#running) {
      const record = wanted.get(name)
      if (record !== undefined && mirrorKey(record, identity) === mirror.key) continue
      this.#end(name)
    }
    for (const [name, record] of wanted) {
      if (!this.#running.has(name)) this.#running.set(name, this.#watch(record, identity))
    }
    if (this.#untidy) this.#tidy(identity)
  }

  /** Forget what was proved of mirrors that are no more, some of it at a time. */
  #tidy(identity: RepositoryIdentity): void {
    const { store, tracker } = this.#parts
    const keys = tracker
      .candidates()
      .flatMap(({ record }) => (record.mirror === undefined ? [] : mirrorKey(record, identity)))
    this.#untidy = store.keepOnly(new Set(keys), tendedContents)
  }

  /** A look at a slow mirror takes longer than a volunteer may be silent. */
  #tick(): void {
    this.check()
    for (const [name, { mirror }] of this.#running) {
      mirror.announceIfDue().catch(error => this.#failed(name, error))
    }
  }

  #failed(name: VolunteerName, error: unknown): void {
    this.#parts.logger.warn({ mirror: name, error: describeError(error) }, 'cannot look at it')
  }

  #end(name: VolunteerName): void {
    const running = this.#running.get(name)
    if (running === undefined) return
    this.#running.delete(name)
    this.#untidy = true
    running.stop.abort()
    const ended = running.done.then(() => running.mirror.announcing)
    this.#ending.add(ended)
    ended.finally(() => this.#ending.delete(ended)).catch(() => undefined)
  }

  #watch(record: VolunteerRecord, identity: RepositoryIdentity): Running {
    const stop = new AbortController()
    const mirror = new WatchedMirror(record, identity, {
      ...this.#parts,
      counters: this.counters,
      look: this.#parts.look(stop.signal),
      popular: () => this.#popular.keys(),
      session: () => randomBytes(12).toString('hex'),
    })
    mirror.published()
    return { mirror, stop, done: this.#loop(record.name, mirror, stop.signal) }
  }

  async #loop(name: VolunteerName, mirror: WatchedMirror, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let waitMs = pauseFirstMs
      try {
        waitMs = await mirror.step(signal)
      } catch (error) {
        if (signal.aborted) return
        this.#failed(name, error)
      }
      await delay(waitMs, undefined, { signal, ref: false }).catch(() => undefined)
    }
  }
}
