// Lets local bytes be looked for before members are fetched: a few searches at a time over all
// downloads, and slow ones do not hold up those that end at once. What a search does is its own affair.

import { describeError, isMirrorswarmError } from '../core/errors.ts'
import type { Sha256 } from '../core/ids.ts'
import { concurrentPrefills, mostPrefills, slowPrefillMs } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import type { BundleMember } from './bundle.ts'
import type { Run } from './logic/runs.ts'

/** Where local bytes are put. */
export interface PrefillTarget {
  /** Write bytes copied from a basis, unverified; throws MS_DISK_FULL. */
  writeLocal(sha256: Sha256, offset: number, data: Uint8Array): Promise<void>
  /** After all writes: which bytes were. No runs at all: there was nothing to copy. */
  setCoverage(sha256: Sha256, runs: readonly Run[]): Promise<void>
}

/** Copy what local files have of a member that is missing into its partial file. */
export type Prefill = (
  member: BundleMember,
  signal: AbortSignal,
  target: PrefillTarget,
) => Promise<void>

export interface PrefillsParts {
  readonly prefill: Prefill
  readonly target: PrefillTarget
  readonly logger: Logger
}

export class Prefills {
  readonly #parts: PrefillsParts
  readonly #waiting = new Set<() => void>()
  #running = 0
  /** Of those, the ones that take long and do not count as much. */
  #slow = 0

  constructor(parts: PrefillsParts) {
    this.#parts = parts
  }

  /**
   * Resolves when the member may be fetched: with whatever local bytes were found, or without.
   * Rejects with the signal's reason, or MS_DISK_FULL.
   */
  async run(member: BundleMember, signal: AbortSignal): Promise<void> {
    await this.#enter(signal)
    let isSlow = false
    const slow = setTimeout(() => {
      isSlow = true
      this.#slow++
      this.#admit()
    }, slowPrefillMs)
    try {
      signal.throwIfAborted()
      await this.#parts.prefill(member, signal, this.#parts.target)
    } catch (error) {
      if (signal.aborted || isMirrorswarmError(error, 'MS_DISK_FULL')) throw error
      const { logger } = this.#parts
      logger.warn({ sha256: member.sha256, reason: describeError(error) }, 'no local bytes used')
    } finally {
      clearTimeout(slow)
      this.#running--
      if (isSlow) this.#slow--
      this.#admit()
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#mayRun()) {
      this.#running++
      return
    }
    const turn = Promise.withResolvers<void>()
    const enter = (): void => {
      this.#running++
      signal.removeEventListener('abort', leave)
      turn.resolve()
    }
    const leave = (): void => {
      this.#waiting.delete(enter)
      turn.reject(signal.reason)
    }
    this.#waiting.add(enter)
    signal.addEventListener('abort', leave, { once: true })
    await turn.promise
  }

  #mayRun(): boolean {
    return this.#running < mostPrefills && this.#running - this.#slow < concurrentPrefills
  }

  #admit(): void {
    for (const enter of this.#waiting) {
      if (!this.#mayRun()) return
      this.#waiting.delete(enter)
      enter()
    }
  }
}
