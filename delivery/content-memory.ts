// Bytes of contents that are asked for again and again, in bounded memory. They are given out only
// while the file that they were read from is still the one that was verified, which is looked at for
// each answer. Knows nothing of links and clients.

import { lstatSync } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { systemCode } from '../core/errors.ts'
import type { Sha256 } from '../core/ids.ts'
import {
  countedHotContents,
  hotContentBytes,
  hotContentLookMs,
  hotContentsAging,
  hotContentsBytes,
} from '../core/serving-limits.ts'
import { type FileGuard, guardOf, isGuarded, readExactly } from './guarded-file.ts'
import { HotSet, type HotSetLimits } from './logic/hot-set.ts'
import type { Body } from './slice-reader.ts'

interface Kept {
  readonly bytes: Buffer
  readonly file: string | Buffer
  /** The change time too, which says more than what was recorded when the file was verified. */
  readonly guard: FileGuard
  /** When the file was looked at last, monotonic milliseconds. */
  seenMs: number
}

/** A body in memory; say by `leave`, once, when the answer is over. */
export interface KeptBody {
  readonly bytes: Uint8Array
  leave(): void
}

export class ContentMemory {
  readonly #set: HotSet
  readonly #kept = new Map<Sha256, Kept>()
  readonly #reading = new Set<Sha256>()
  /** Answers from memory, and those that had to open the file. */
  hits = 0
  misses = 0

  constructor(limits: Partial<HotSetLimits> = {}) {
    this.#set = new HotSet({
      bytes: hotContentsBytes,
      eachBytes: hotContentBytes,
      counted: countedHotContents,
      aging: hotContentsAging,
      ...limits,
    })
  }

  /** What is kept occupies so much, what is being sent included. */
  get usedBytes(): number {
    return this.#set.bytes
  }

  keeps(sha256: Sha256): boolean {
    return this.#kept.has(sha256)
  }

  /**
   * Count a request for a content; its bytes if they are kept and their file is unchanged. Null: the
   * caller opens the file, and finds out what has become of it.
   */
  async find(sha256: Sha256): Promise<KeptBody | null> {
    this.#set.ask(sha256)
    const kept = this.#kept.get(sha256)
    if (kept === undefined) return null
    // Before anything waits: who is used is not driven out, and stays within the bound.
    this.#set.use(sha256)
    if (await this.#isUnchanged(kept)) {
      this.hits++
      return { bytes: kept.bytes, leave: () => this.#leave(sha256, kept) }
    }
    if (this.#kept.get(sha256) === kept) this.#kept.delete(sha256)
    this.#leave(sha256, kept)
    return null
  }

  /**
   * The same without waiting, by a look that the kernel's memory answers for a file that was read
   * lately; while many ask, not for each of them. Null: not kept, or changed, and nothing was counted.
   */
  findNow(sha256: Sha256, nowMs: number): KeptBody | null {
    const kept = this.#kept.get(sha256)
    if (kept === undefined) return null
    if (nowMs - kept.seenMs >= hotContentLookMs) {
      if (!this.#isUnchangedNow(kept)) return null
      kept.seenMs = nowMs
    }
    this.hits++
    this.#set.ask(sha256)
    this.#set.use(sha256)
    return { bytes: kept.bytes, leave: () => this.#leave(sha256, kept) }
  }

  /** An open file of the content: read it into memory if it is asked for often enough. */
  async offer(
    sha256: Sha256,
    file: string | Buffer,
    { handle, guard }: Extract<Body, { handle: unknown }>,
  ): Promise<void> {
    this.misses++
    const { sizeBytes } = guard
    if (this.#reading.has(sha256)) return
    const victims = this.#set.victimsFor(sha256, sizeBytes)
    if (victims === null) return
    this.#reading.add(sha256)
    for (const victim of victims) this.#kept.delete(victim as Sha256)
    // Its place is taken before it is read: many at once stay within the bound.
    this.#set.admit(sha256, sizeBytes, victims)
    this.#set.use(sha256)
    let kept: Kept | null = null
    try {
      const stats = await handle.stat({ bigint: true })
      const exact = isGuarded(stats, guard) ? guardOf(stats) : null
      const bytes = exact === null ? null : await readExactly(handle, exact, 0, sizeBytes)
      if (bytes !== null && exact !== null) {
        kept = { bytes, file, guard: exact, seenMs: Number.NEGATIVE_INFINITY }
      }
    } catch {
      // Whoever sends the file reads it too, and says what is wrong with it.
    }
    this.#reading.delete(sha256)
    this.#set.leave(sha256)
    if (kept === null) this.#set.remove(sha256)
    else this.#kept.set(sha256, kept)
  }

  /** The last user of what was given up makes its room free. */
  #leave(sha256: Sha256, kept: Kept): void {
    this.#set.leave(sha256)
    if (this.#kept.get(sha256) !== kept) this.#set.remove(sha256)
  }

  #isUnchangedNow({ file, guard }: Kept): boolean {
    try {
      return isGuarded(lstatSync(file, { bigint: true }), guard)
    } catch (error) {
      if (systemCode(error) === undefined) throw error
      return false
    }
  }

  async #isUnchanged({ file, guard }: Kept): Promise<boolean> {
    try {
      return isGuarded(await lstat(file, { bigint: true }), guard)
    } catch (error) {
      if (systemCode(error) === undefined) throw error
      return false
    }
  }
}
