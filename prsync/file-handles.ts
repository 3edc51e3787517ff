// Keeps a bounded number of files open: whoever reads or writes borrows a handle; the one unused
// for longest is closed when another is needed, and when all are in use, borrowers wait.

import type { FileHandle } from 'node:fs/promises'
import { type Clock, systemClock } from '../core/clock.ts'
import { MirrorswarmError } from '../core/errors.ts'
import { openSwarmFiles } from '../core/limits.ts'

interface Closable {
  close(): Promise<void>
}

interface Slot<H> {
  readonly handle: Promise<H>
  users: number
  usedMs: number
  /** No longer known by its key; closed by its last user. */
  retired: boolean
  closed: boolean
}

export class FileHandles<H extends Closable = FileHandle> {
  readonly #most: number
  readonly #clock: Pick<Clock, 'monotonicMs'>
  /** In the order of last use. */
  readonly #slots = new Map<string, Slot<H>>()
  readonly #waiting: (() => void)[] = []
  #open = 0
  #stopped: PromiseWithResolvers<void> | null = null

  constructor(most = openSwarmFiles, clock: Pick<Clock, 'monotonicMs'> = systemClock) {
    this.#most = most
    this.#clock = clock
  }

  /** Files open now. */
  get size(): number {
    return this.#open
  }

  /**
   * Use the file known as `key`; `open` is called if it is not open. Errors of both are the
   * caller's; a failed `open` is forgotten. Rejects with MS_INTERNAL after the stop.
   */
  async use<T>(key: string, open: () => Promise<H>, work: (handle: H) => Promise<T>): Promise<T> {
    const slot = await this.#borrow(key, open)
    try {
      const handle = await slot.handle.catch(error => {
        this.#retire(key, slot)
        throw error
      })
      return await work(handle)
    } finally {
      slot.users--
      await this.#settle(slot)
    }
  }

  /** Close the file known as `key` as soon as nobody uses it; later uses open it anew. */
  async forget(key: string): Promise<void> {
    const slot = this.#slots.get(key)
    if (slot === undefined) return
    this.#retire(key, slot)
    await this.#settle(slot)
  }

  /** Close the files that nobody has used for so long. */
  async closeIdle(idleMs: number): Promise<void> {
    const beforeMs = this.#clock.monotonicMs() - idleMs
    const idle = [...this.#slots].filter(([, slot]) => slot.users === 0 && slot.usedMs <= beforeMs)
    await Promise.all(idle.map(([key]) => this.forget(key)))
  }

  /** Resolves when nothing is used any more and all is closed; later uses are refused. */
  async stop(): Promise<void> {
    this.#stopped ??= Promise.withResolvers()
    for (const wake of this.#waiting.splice(0)) wake()
    await Promise.all([...this.#slots.keys()].map(key => this.forget(key)))
    if (this.#open > 0) await this.#stopped.promise
  }

  async #borrow(key: string, open: () => Promise<H>): Promise<Slot<H>> {
    for (;;) {
      if (this.#stopped !== null) throw new MirrorswarmError('MS_INTERNAL', 'the files are closed')
      const known = this.#slots.get(key)
      const slot = known ?? (this.#open < this.#most ? this.#add(key, open) : undefined)
      if (slot !== undefined) {
        slot.users++
        slot.usedMs = this.#clock.monotonicMs()
        this.#slots.delete(key)
        this.#slots.set(key, slot)
        return slot
      }
      const unused = [...this.#slots].find(([, slot]) => slot.users === 0)
      if (unused !== undefined) await this.forget(unused[0])
      else await new Promise<void>(resolve => this.#waiting.push(resolve))
    }
  }

  #add(key: string, open: () => Promise<H>): Slot<H> {
    this.#open++
    const slot: Slot<H> = { handle: open(), users: 0, usedMs: 0, retired: false, closed: false }
    this.#slots.set(key, slot)
    return slot
  }

  #retire(key: string, slot: Slot<H>): void {
    slot.retired = true
    if (this.#slots.get(key) === slot) this.#slots.delete(key)
  }

  /** Close what must be closed, and let the next one in line try. */
  async #settle(slot: Slot<H>): Promise<void> {
    if (slot.users > 0) return
    if (slot.retired && !slot.closed) {
      slot.closed = true
      const handle = await slot.handle.catch(() => undefined)
      await handle?.close()
      this.#open--
      if (this.#open === 0) this.#stopped?.resolve()
    }
    this.#waiting.shift()?.()
  }
}
