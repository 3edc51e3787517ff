// Bounds how many answers the origin sends at the same time, so that it stays able to redirect.
// Bounces, clients that came back, kept names and volunteers' reads have rooms of their own, which
// nobody else can use up.

import { bounceReserve, repeatAnswers, repeatShare } from '../core/healing-limits.ts'
import { directReserve, syncAnswers } from '../core/limits.ts'
import { leastSyncAnswers, leastSyncBytesPerSecond } from '../core/stock-limits.ts'

/**
 * ordinary: nobody else has it · essential: names and sizes that are never redirected · bounce: a
 * volunteer sent the client back · repeat: the client came back · sync: a volunteer reads.
 */
export type AnswerClass = 'ordinary' | 'essential' | 'bounce' | 'repeat' | 'sync'

/** One who may have only so many answers at once in a reserve. */
export interface Share {
  readonly key: string
  readonly most: number
}

/** As many answers to volunteers as get a useful rate each; who comes later is told to come back. */
export const syncAnswersAt = (bytesPerSecond: number | null): number => {
  if (bytesPerSecond === null) return syncAnswers
  const useful = Math.floor(bytesPerSecond / leastSyncBytesPerSecond)
  return Math.min(syncAnswers, Math.max(leastSyncAnswers, useful))
}

export class ServingGate {
  #limits: Readonly<Record<AnswerClass, number>>
  readonly #active: Record<AnswerClass, number> = {
    ...{ ordinary: 0, essential: 0, bounce: 0, repeat: 0, sync: 0 },
  }
  /** Bounded by the answers under way. */
  readonly #shares = new Map<string, number>()

  /**
   * `ordinaryLimit`: answers at the same time that are neither essential nor a volunteer's;
   * `syncLimit`: volunteers'.
   */
  constructor(ordinaryLimit: number, syncLimit = syncAnswers) {
    this.#limits = ServingGate.#limitsOf(ordinaryLimit, syncLimit)
  }

  /** Other bounds from now on; answers under way are finished. */
  change(ordinaryLimit: number, syncLimit: number): void {
    this.#limits = ServingGate.#limitsOf(ordinaryLimit, syncLimit)
  }

  static #limitsOf(ordinaryLimit: number, syncLimit: number): Record<AnswerClass, number> {
    return {
      ordinary: ordinaryLimit,
      essential: directReserve,
      bounce: bounceReserve,
      repeat: Math.max(repeatAnswers, Math.floor(ordinaryLimit * repeatShare)),
      sync: syncLimit,
    }
  }

  /**
   * Enter with one answer; returns how to leave, or null when there is no room. `shares` bound what
   * those who are named in them use of a reserve.
   */
  enter(kind: AnswerClass, shares: readonly Share[] = []): (() => void) | null {
    const place = this.#placeFor(kind, shares)
    if (place === null) return null
    const counted = place === 'ordinary' ? [] : shares
    this.#active[place]++
    for (const { key } of counted) this.#shares.set(key, (this.#shares.get(key) ?? 0) + 1)
    let left = false
    return () => {
      if (left) return
      left = true
      this.#active[place]--
      for (const { key } of counted) this.#leaveShare(key)
    }
  }

  /** Whether an answer of this class would find room now. */
  hasRoom(kind: AnswerClass): boolean {
    return this.#placeFor(kind, []) !== null
  }

  /** Answers of clients that are being sent now. */
  get activeClients(): number {
    const { ordinary, essential, bounce, repeat } = this.#active
    return ordinary + essential + bounce + repeat
  }

  get activeSync(): number {
    return this.#active.sync
  }

  /** Answers under way and their bound, by room. */
  rooms(): { readonly room: AnswerClass; readonly active: number; readonly limit: number }[] {
    return (Object.keys(this.#limits) as AnswerClass[]).map(room => ({
      ...{ room, active: this.#active[room], limit: this.#limits[room] },
    }))
  }

  #leaveShare(key: string): void {
    const count = (this.#shares.get(key) ?? 1) - 1
    if (count === 0) this.#shares.delete(key)
    else this.#shares.set(key, count)
  }

  /**
   * Essential answers and bounces use the ordinary room first, then their reserve. Repeats have
   * their own room only: it is what bounds their share of the origin's uploads.
   */
  #placeFor(kind: AnswerClass, shares: readonly Share[]): AnswerClass | null {
    const usesOrdinary = kind !== 'sync' && kind !== 'repeat'
    if (usesOrdinary && this.#active.ordinary < this.#limits.ordinary) return 'ordinary'
    if (kind === 'ordinary' || this.#active[kind] >= this.#limits[kind]) return null
    return shares.every(({ key, most }) => (this.#shares.get(key) ?? 0) < most) ? kind : null
  }
}
