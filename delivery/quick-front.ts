// Stands before node:http on each connection: answers what is usual at once, from the bytes as they
// come, and gives the whole connection away for good with the first byte that is not. It knows
// neither what is asked for nor who takes what it gives away.

import type { Socket } from 'node:net'
import { connectionSweepMs, headersTimeoutMs, idleConnectionMs } from '../core/access-limits.ts'
import type { Clock } from '../core/clock.ts'
import { rememberedHeaderLines } from '../core/front-limits.ts'
import { stopGraceMs } from '../core/limits.ts'
import {
  parseQuickHeaders,
  type QuickHead,
  type QuickHeaders,
  readQuickHead,
} from './logic/quick-head.ts'

/** What is asked of a connection: a worker's thread may hold it. */
export type FrontEnds = Pick<Socket, 'remoteAddress' | 'localAddress' | 'localPort'>

/** `length`: how many of the characters that came are answered. */
export interface FrontAnswers {
  readonly text: string
  readonly length: number
}

export interface FrontParts {
  /** The whole answer as latin1 text; null: not usual, and nothing was done. */
  answer(head: QuickHead, socket: FrontEnds): string | null
  /** Take the connection for good; `bytes` were read from it and not answered. */
  handOver(socket: Socket, bytes: Buffer): void
  /** Nothing came in the time that a first request has. */
  refuse(socket: Socket): void
  readonly clock: Pick<Clock, 'monotonicMs'>
}

/** Milliseconds, as node:http has them; seams for tests. */
export interface FrontLimits {
  readonly firstRequestMs: number
  readonly idleMs: number
  readonly sweepMs: number
}

export const frontLimits: FrontLimits = {
  firstRequestMs: headersTimeoutMs,
  idleMs: idleConnectionMs,
  sweepMs: connectionSweepMs,
}

const nothing = Buffer.alloc(0)

/** One connection, until it is closed or given away. */
class FrontConnection {
  readonly #front: QuickFront
  readonly #socket: Socket
  /** When something came or went last. */
  #lastMs: number
  #answered = false

  constructor(front: QuickFront, socket: Socket, nowMs: number) {
    this.#front = front
    this.#socket = socket
    this.#lastMs = nowMs
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('drain', this.#onDrain)
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
  }

  readonly #onData = (bytes: Buffer): void => {
    const socket = this.#socket
    const { text, length } = this.#front.answerAll(bytes.toString('latin1'), socket)
    this.#send(text)
    if (length < bytes.length) this.#leave(length === 0 ? bytes : bytes.subarray(length))
  }

  #send(answers: string): void {
    if (answers === '' || !this.#socket.writable) return
    this.#answered = true
    this.#lastMs = this.#front.nowMs()
    // Who does not read is not asked for more.
    if (!this.#socket.write(answers, 'latin1')) this.#socket.pause()
  }

  readonly #onDrain = (): void => {
    this.#lastMs = this.#front.nowMs()
    this.#socket.resume()
  }

  readonly #onEnd = (): void => {
    this.#socket.end()
  }

  readonly #onError = (): void => {
    this.#socket.destroy()
  }

  readonly #onClose = (): void => {
    this.#front.forget(this)
  }

  #leave(rest: Buffer): void {
    const socket = this.#socket
    this.#front.forget(this)
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
    socket.off('drain', this.#onDrain)
    socket.off('error', this.#onError)
    socket.off('close', this.#onClose)
    socket.pause()
    this.#front.parts.handOver(socket, rest)
  }

  /** Close it if nothing happened for too long. */
  sweep(nowMs: number, { firstRequestMs, idleMs }: FrontLimits): void {
    const silentMs = nowMs - this.#lastMs
    if (!this.#answered && silentMs >= firstRequestMs) this.#front.parts.refuse(this.#socket)
    else if (silentMs >= idleMs) this.#socket.destroy()
  }

  /** Close it behind what was answered; whoever does not read is cut after a while. */
  end(): void {
    this.#socket.off('data', this.#onData)
    this.#socket.resume()
    this.#socket.end()
    setTimeout(() => this.#socket.destroy(), stopGraceMs).unref()
  }
}

export class QuickFront {
  readonly parts: FrontParts
  readonly #limits: FrontLimits
  readonly #open = new Set<FrontConnection>()
  readonly #headers = new Map<string, QuickHeaders | null>()
  #sweeper: NodeJS.Timeout | null = null
  #closed = false

  constructor(parts: FrontParts, limits: FrontLimits = frontLimits) {
    this.parts = parts
    this.#limits = limits
  }

  /** Take a connection of which nothing was read yet. */
  adopt(socket: Socket): void {
    if (this.#closed) {
      this.parts.handOver(socket, nothing)
      return
    }
    this.#sweeper ??= setInterval(() => this.#sweep(), this.#limits.sweepMs).unref()
    this.#open.add(new FrontConnection(this, socket, this.nowMs()))
  }

  /** How many connections are here. */
  get open(): number {
    return this.#open.size
  }

  /** End what is here, and give away whatever still comes. */
  close(): void {
    this.#closed = true
    if (this.#sweeper !== null) clearInterval(this.#sweeper)
    for (const connection of this.#open) connection.end()
  }

  nowMs(): number {
    return this.parts.clock.monotonicMs()
  }

  forget(connection: FrontConnection): void {
    this.#open.delete(connection)
  }

  /** The answers to all requests that `text` begins with, up to the first that is not usual. */
  answerAll(text: string, socket: FrontEnds): FrontAnswers {
    let length = 0
    let answers = ''
    while (length < text.length && !this.#closed) {
      const head = readQuickHead(text, length, this.#parse)
      const answer = head === null ? null : this.parts.answer(head, socket)
      if (head === null || answer === null) break
      answers += answer
      length = head.end
    }
    return { text: answers, length }
  }

  readonly #parse = (lines: string): QuickHeaders | null => {
    const known = this.#headers.get(lines)
    if (known !== undefined) return known
    const headers = parseQuickHeaders(lines)
    if (this.#headers.size >= rememberedHeaderLines) this.#headers.clear()
    // A text of its own: a slice would keep all that was read with it.
    this.#headers.set(Buffer.from(lines, 'latin1').toString('latin1'), headers)
    return headers
  }

  #sweep(): void {
    const nowMs = this.nowMs()
    for (const connection of this.#open) connection.sweep(nowMs, this.#limits)
  }
}
