// Tells the tracker what this volunteer holds and how it fares, and hears the news: one long poll,
// and beside it short announces when something changed. Nothing that the other side does ends it.

import { setTimeout as delay } from 'node:timers/promises'
import type { Clock, Random } from '../core/clock.ts'
import { describeError, isMirrorswarmError } from '../core/errors.ts'
import { announcedReasons } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import {
  announceIntervalMostMs,
  announceSpacingMs,
  busyAnnounceMs,
  goodbyeMs,
} from '../core/volunteer-limits.ts'
import {
  type AnnounceClient,
  pauseBeforePollMs,
  type VolunteerStatus,
} from '../tracker/logic/announce-client.ts'
import type { AnnounceAnswer, AnnounceRequest } from '../tracker/messages.ts'
import { backoffMs } from './logic/backoff.ts'
import type { OriginClock } from './logic/serving.ts'

export interface AnnouncerParts {
  readonly client: AnnounceClient
  readonly send: (request: AnnounceRequest, signal: AbortSignal) => Promise<AnnounceAnswer>
  readonly status: () => VolunteerStatus
  /** The newest snapshot and the peers, as each answer has them. */
  readonly onAnswer: (answer: AnnounceAnswer) => void
  /** Told of each failure that is tried again. */
  readonly onError?: (error: unknown) => void
  readonly newSession: () => string
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** Reasons as the wire takes them: a few short lines without control characters. */
export const wireReasons = (reasons: readonly string[]): string[] =>
  reasons.slice(0, announcedReasons).map(reason =>
    reason
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the wire refuses them
      .replace(/[\u0000-\u001f\u007f]+/g, ' ')
      .slice(0, 200),
  )

/** All of a status but its rates, totals and clock, which the next announce tells soon enough. */
const digestOf = ({ load: _, totals: __, clockMs: ___, ...rest }: VolunteerStatus): string =>
  JSON.stringify(rest)

export class Announcer {
  readonly #parts: AnnouncerParts
  readonly #stop = new AbortController()
  #intervalMs: number
  #originClock: OriginClock | null = null
  #lastAnswerMs: number | null = null
  #failures = 0
  #polling: Promise<void> = Promise.resolve()
  #updating: Promise<void> | null = null
  #wanted = false
  /** What the newest announce said, but for rates. */
  #told: string | null = null
  #lastUpdateMs = Number.NEGATIVE_INFINITY
  #busyTimer: NodeJS.Timeout | undefined

  constructor(parts: AnnouncerParts, options: { readonly intervalMs: number }) {
    this.#parts = parts
    this.#intervalMs = options.intervalMs
  }

  /** The origin's clock as the last answer told it; null before the first. */
  get originClock(): OriginClock | null {
    return this.#originClock
  }

  /** Whether the last announce was answered. */
  get isHeard(): boolean {
    return this.#failures === 0 && this.#lastAnswerMs !== null
  }

  start(): void {
    this.#polling = this.#poll()
    this.#busyTimer = setInterval(() => {
      const { state } = this.#parts.status().sync
      const busy = state === 'syncing' || state === 'adopting'
      if (busy || !this.#parts.client.upToDate) this.nudge()
    }, busyAnnounceMs)
  }

  /** Something worth telling happened: announce as soon as the spacing allows. */
  nudge(): void {
    this.#wanted = true
    if (this.#updating !== null || this.#stop.signal.aborted) return
    this.#updating = this.#update().finally(() => {
      this.#updating = null
      if (this.#wanted) this.nudge()
    })
  }

  /** Say goodbye (`status` tells that it drains), so that no client is sent here any more. */
  async stop(): Promise<void> {
    clearInterval(this.#busyTimer)
    this.#stop.abort()
    await Promise.all([this.#polling, this.#updating])
    if (!this.isHeard) return
    try {
      await this.#announce(0, AbortSignal.timeout(goodbyeMs))
    } catch (error) {
      this.#parts.logger.debug({ error: describeError(error) }, 'the goodbye was not heard')
    }
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        const sentMs = this.#parts.clock.monotonicMs()
        const { request, answer } = await this.#announce(this.#intervalMs, signal)
        const elapsedMs = this.#parts.clock.monotonicMs() - sentMs
        await this.#pause(pauseBeforePollMs(request, answer, elapsedMs))
      } catch (error) {
        await this.#failed(error)
      }
    }
  }

  async #failed(error: unknown): Promise<void> {
    if (this.#stop.signal.aborted) return
    this.#failures++
    this.#parts.onError?.(error)
    const waitMs = Math.round(backoffMs(this.#failures, this.#parts.random))
    const fields = { error: describeError(error), waitMs, failures: this.#failures }
    this.#parts.logger.warn(fields, 'the announce failed, it will be repeated')
    if (isMirrorswarmError(error, 'MS_NAME_TAKEN')) {
      this.#parts.client.restart(this.#parts.newSession())
    }
    await this.#pause(waitMs)
  }

  async #pause(waitMs: number): Promise<void> {
    try {
      await delay(waitMs, undefined, { signal: this.#stop.signal })
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error
    }
  }

  /** Short announces, apart by the spacing; while the poll fails, it alone tries again. */
  async #update(): Promise<void> {
    const { clock, logger } = this.#parts
    await this.#pause(Math.max(0, this.#lastUpdateMs + announceSpacingMs - clock.monotonicMs()))
    this.#wanted = false
    if (this.#stop.signal.aborted || this.#failures > 0) return
    try {
      if (!this.#hasNews()) return
      this.#lastUpdateMs = clock.monotonicMs()
      await this.#announce(0, this.#stop.signal)
    } catch (error) {
      logger.debug({ error: describeError(error) }, 'a short announce failed')
    }
  }

  /** The poll may have told it meanwhile. */
  #hasNews(): boolean {
    return !this.#parts.client.upToDate || digestOf(this.#parts.status()) !== this.#told
  }

  async #announce(
    waitMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly request: AnnounceRequest; readonly answer: AnnounceAnswer }> {
    const { client, status, send, onAnswer, clock } = this.#parts
    const told = status()
    const request = client.nextRequest(told, waitMs)
    this.#told = digestOf(told)
    const answer = await send(request, signal)
    client.heed(request, answer)
    this.#failures = 0
    this.#lastAnswerMs = clock.monotonicMs()
    this.#intervalMs = Math.min(answer.intervalMs, announceIntervalMostMs)
    this.#originClock = { originMs: answer.nowMs, learnedAtMs: this.#lastAnswerMs }
    onAnswer(answer)
    return { request, answer }
  }
}
