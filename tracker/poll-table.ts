// The long polls that are being held: one for each volunteer, each until there is news, its time is
// over, a newer one replaces it or its connection breaks. Knows nothing of what the news are.

import type { VolunteerName } from '../core/ids.ts'
import { openPolls } from '../core/limits.ts'

/** Why a poll ended. `full`: too many are held already. */
export type PollEnd = 'news' | 'timeout' | 'replaced' | 'broken' | 'stopped' | 'full'

export interface PollRequest {
  /** The tag that the volunteer has seen: another one is news. */
  readonly tag: string
  readonly waitMs: number
  /** Aborts when the other side closes the connection. */
  readonly signal: AbortSignal | undefined
  /** Called in the same moment, before anything newer can arrive. */
  readonly onBroken: () => void
}

interface Poll {
  readonly tag: string
  readonly end: (reason: PollEnd) => void
}

export class PollTable {
  readonly #limit: number
  readonly #polls = new Map<VolunteerName, Poll>()

  constructor(options: { limit?: number } = {}) {
    this.#limit = options.limit ?? openPolls
  }

  get size(): number {
    return this.#polls.size
  }

  has(name: VolunteerName): boolean {
    return this.#polls.has(name)
  }

  /** End the volunteer's poll, if one is held. */
  end(name: VolunteerName, reason: PollEnd): void {
    this.#polls.get(name)?.end(reason)
  }

  endAll(reason: PollEnd): void {
    for (const poll of this.#polls.values()) poll.end(reason)
  }

  /** End those polls whose volunteer has not seen what is true now. */
  wake(tagOf: (name: VolunteerName) => string): void {
    for (const [name, poll] of this.#polls) if (tagOf(name) !== poll.tag) poll.end('news')
  }

  /** Hold a poll of the volunteer until it ends; one that is held already is replaced. */
  hold(name: VolunteerName, request: PollRequest): Promise<PollEnd> {
    const { tag, waitMs, signal, onBroken } = request
    this.end(name, 'replaced')
    if (signal?.aborted === true) {
      onBroken()
      return Promise.resolve('broken')
    }
    if (this.#polls.size >= this.#limit) return Promise.resolve('full')
    return new Promise(resolve => {
      const end = (reason: PollEnd): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        if (this.#polls.get(name) === poll) this.#polls.delete(name)
        resolve(reason)
      }
      const poll: Poll = { tag, end }
      const abort = (): void => {
        end('broken')
        onBroken()
      }
      const timer = setTimeout(end, waitMs, 'timeout')
      signal?.addEventListener('abort', abort, { once: true })
      this.#polls.set(name, poll)
    })
  }
}
