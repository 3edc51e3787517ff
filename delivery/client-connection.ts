// One answer's side of a client's connection: writes that end when the bytes are with the kernel
// or the client is gone, whichever comes first. Knows nothing of files.

import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type FloorRate, patienceAfter } from './logic/floor-rate.ts'

/** Why a connection ended before its answer was complete. */
export type ConnectionEnd = 'client-gone' | 'stalled' | 'stopped'

export class ClientConnection {
  readonly #response: ServerResponse
  readonly #socket: Socket
  readonly #signal: AbortSignal | undefined
  readonly #gone = new AbortController()
  #ended: ConnectionEnd | null = null
  #settle: ((alive: boolean) => void) | null = null
  readonly #floor: FloorRate | null
  #patienceMs: number

  /**
   * Listens until `dispose`. A client that takes nothing for `stallMs` is cut off, and so is one
   * that takes less than `floor`.
   */
  constructor(
    response: ServerResponse,
    stallMs: number,
    signal?: AbortSignal,
    floor: FloorRate | null = null,
  ) {
    this.#response = response
    this.#floor = floor
    this.#patienceMs = floor?.graceMs ?? 0
    this.#socket = response.req.socket
    this.#signal = signal
    this.#socket.once('close', this.#onGone)
    response.on('error', this.#onGone)
    response.on('timeout', this.#onIdle)
    response.setTimeout(stallMs)
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (this.#socket.destroyed || response.destroyed) this.#end('client-gone')
    else if (signal?.aborted) this.#onAbort()
  }

  /** Null while the connection is usable. */
  get ended(): ConnectionEnd | null {
    return this.#ended
  }

  /** Aborted when the connection ends: for whatever is awaited on the client's behalf. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /** Wait until earlier answers on a pipelined connection are out; false when it is gone first. */
  turn(): Promise<boolean> {
    if (this.#ended !== null) return Promise.resolve(false)
    if (this.#response.socket !== null) return Promise.resolve(true)
    return new Promise(resolve => {
      const onSocket = () => this.#settled(true)
      this.#response.once('socket', onSocket)
      this.#settle = alive => {
        this.#response.off('socket', onSocket)
        resolve(alive)
      }
    })
  }

  /** Write `before` and `data`; true once the kernel has them and `data` may be overwritten. */
  write(before: string, data: Uint8Array): Promise<boolean> {
    return this.#patiently(before.length + data.length, () =>
      this.#attempt(done => {
        this.#response.cork()
        if (before !== '') this.#response.write(before, 'latin1')
        this.#response.write(data, done)
        this.#response.uncork()
      }),
    )
  }

  /** Finish the answer; true once all of it is with the kernel. */
  finish(last: string | Uint8Array): Promise<boolean> {
    return this.#attempt(done => {
      if (last.length === 0) this.#response.end(done)
      else this.#response.end(last, 'latin1', done)
    })
  }

  /** Cut the connection, so that the client sees that the answer is not complete. */
  destroy(): void {
    this.#socket.destroy()
  }

  dispose(): void {
    this.#socket.off('close', this.#onGone)
    this.#response.off('timeout', this.#onIdle)
    this.#signal?.removeEventListener('abort', this.#onAbort)
    // The error listener stays: a late error of a dead connection must not end the process.
  }

  /** Cut the client off when `bytes` take longer than it has patience left for. */
  async #patiently(bytes: number, write: () => Promise<boolean>): Promise<boolean> {
    const floor = this.#floor
    if (floor === null) return write()
    const startMs = performance.now()
    const late = setTimeout(this.#onStalled, this.#patienceMs)
    try {
      return await write()
    } finally {
      clearTimeout(late)
      const tookMs = performance.now() - startMs
      this.#patienceMs = patienceAfter(this.#patienceMs, { bytes, tookMs }, floor)
    }
  }

  #attempt(start: (done: (error?: Error | null) => void) => void): Promise<boolean> {
    if (this.#ended !== null) return Promise.resolve(false)
    return new Promise(resolve => {
      this.#settle = resolve
      start(error => (error ? this.#end('client-gone') : this.#settled(true)))
    })
  }

  #settled(alive: boolean): void {
    const settle = this.#settle
    this.#settle = null
    settle?.(alive)
  }

  #end(reason: ConnectionEnd): void {
    if (this.#ended !== null) return
    this.#ended = reason
    this.#settled(false)
    this.#gone.abort()
  }

  readonly #onGone = (): void => this.#end('client-gone')

  readonly #onAbort = (): void => {
    this.#end('stopped')
    this.#socket.destroy()
  }

  /** Node calls this when nothing moved for a while; only a pending write is the client's fault. */
  readonly #onIdle = (): void => {
    if (this.#settle === null || this.#response.socket === null) return
    this.#onStalled()
  }

  readonly #onStalled = (): void => {
    this.#end('stalled')
    this.#socket.destroy()
  }
}
