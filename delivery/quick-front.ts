// Stands before node:http on each connection: answers what is usual at once, from the bytes as they
// come, and gives the whole connection away for good with the first byte that is not. It knows
// neither what is asked for nor who takes what it gives away.

import type { Socket } from 'node:net'
import { connectionSweepMs, headersTimeoutMs, idleConnectionMs } from '../core/access-limits.ts'
import type { Clock } from '../core/clock.ts'
import { burstAnswers, rememberedHeaderLines, unreadAnswersBytes } from '../core/front-limits.ts'
import { stalledClientMs, stopGraceMs } from '../core/limits.ts'
import { ownText } from '../core/own-text.ts'
import { readAsUsual, readDirectly, writeBodyDirectly, writeDirectly } from './direct-socket.ts'
import {
  parseQuickHeaders,
  type QuickHead,
  type QuickHeaders,
  readQuickHead,
} from './logic/quick-head.ts'

/** What is asked of a connection: a worker's thread may hold it. */
export type FrontEnds = Pick<Socket, 'remoteAddress' | 'localAddress' | 'localPort'>

/** An answer with a body, which is in memory and stays as it is. */
export interface QuickBody {
  /** Latin1 text with the empty line at its end. */
  readonly head: string
  readonly bytes: Uint8Array
  /** Called once: all of it is with the kernel, or (false) the connection ended before. */
  readonly onEnd: (sent: boolean) => void
}

/**
 * `length`: how many of the characters are answered, those of `body`'s request included, which is the
 * last of them.
 */
export interface FrontAnswers {
  readonly text: string
  readonly length: number
  readonly body?: QuickBody
}

export interface FrontParts {
  /** The whole answer, as latin1 text if it has no body; null: not usual, and nothing was done. */
  answer(head: QuickHead, socket: FrontEnds): string | QuickBody | null
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
  /** Whoever takes nothing of a body for so long is cut off. */
  readonly stallMs: number
}

export const frontLimits: FrontLimits = {
  firstRequestMs: headersTimeoutMs,
  idleMs: idleConnectionMs,
  sweepMs: connectionSweepMs,
  stallMs: stalledClientMs,
}

const nothing = Buffer.alloc(0)

/** One connection, until it is closed or given away. */
class FrontConnection {
  readonly #front: QuickFront
  readonly #socket: Socket
  /** When something came or went last. */
  #lastMs: number
  #answered = false
  #ended = false
  /** The client has nothing more to say. */
  #halfClosed = false
  /** The body that is on its way. */
  #sending: QuickBody | null = null
  /** Answers that are written with those of other connections. */
  #waiting = ''
  /** Answers without a body that are not with the kernel yet: how many, and at most how long. */
  #unwritten = 0
  #unwrittenBytes = 0
  /** It was given away. */
  #left = false

  constructor(front: QuickFront, socket: Socket, nowMs: number) {
    this.#front = front
    this.#socket = socket
    this.#lastMs = nowMs
    socket.on('data', this.#onData)
    readDirectly(socket, this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('drain', this.#onDrain)
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
  }

  readonly #onData = (bytes: Buffer): void => {
    const socket = this.#socket
    const latin1 = bytes.toString('latin1')
    let place = 0
    for (;;) {
      const { text, length, body } = this.#front.answerAll(latin1, socket, place)
      place += length
      if (body === undefined) {
        this.#writeSoon(text)
        break
      }
      const before = this.#waiting + text
      this.#waiting = ''
      if (!this.#sendBody(before, body, bytes.subarray(place))) return
    }
    if (place < bytes.length) this.#leave(place === 0 ? bytes : bytes.subarray(place))
  }

  #writeSoon(answers: string): void {
    const first = this.#waiting === '' && answers !== ''
    this.#waiting += answers
    // It may be written before this returns.
    if (first) this.#front.writeSoon(this)
  }

  /** False when it is still on its way: what was read behind its request waits. */
  #sendBody(before: string, body: QuickBody, rest: Buffer): boolean {
    const socket = this.#socket
    this.#answered = true
    this.#lastMs = this.#front.nowMs()
    if (!socket.writable) {
      body.onEnd(false)
      return false
    }
    this.#sending = body
    writeBodyDirectly(socket, before + body.head, body.bytes, this.#onBodyWritten)
    // Most often the kernel takes it at once.
    if (this.#sending === null) return !socket.destroyed
    socket.pause()
    if (rest.length > 0) socket.unshift(rest)
    socket.setTimeout(this.#front.limits.stallMs, this.#onStalled)
    return false
  }

  readonly #onBodyWritten = (error?: Error | null): void => {
    const body = this.#sending
    if (body === null) return
    this.#sending = null
    body.onEnd(!error)
    const socket = this.#socket
    if (error) socket.destroy()
    // Else it waited for nothing.
    if (!socket.isPaused()) return
    socket.setTimeout(0, this.#onStalled)
    if (error || this.#ended) return
    this.#lastMs = this.#front.nowMs()
    if (this.#halfClosed) socket.end()
    else socket.resume()
  }

  readonly #onStalled = (): void => {
    this.#socket.destroy()
  }

  /** Write what waits. */
  write(): void {
    const answers = this.#waiting
    this.#waiting = ''
    if (answers === '' || !this.#socket.writable) return
    this.#answered = true
    this.#lastMs = this.#front.nowMs()
    this.#unwritten++
    this.#unwrittenBytes += answers.length
    writeDirectly(this.#socket, answers, this.#onTextWritten)
    // Who does not read is not asked for more.
    if (this.#unwrittenBytes > unreadAnswersBytes) this.#socket.pause()
  }

  readonly #onTextWritten = (error?: Error | null): void => {
    this.#unwritten--
    if (this.#unwritten > 0) return
    this.#unwrittenBytes = 0
    if (error) this.#socket.destroy()
    else if (this.#socket.isPaused()) this.#goOn()
  }

  #goOn(): void {
    if (this.#sending !== null || this.#unwrittenBytes > unreadAnswersBytes || this.#left) return
    this.#lastMs = this.#front.nowMs()
    this.#socket.resume()
  }

  readonly #onDrain = (): void => {
    this.#goOn()
  }

  readonly #onEnd = (): void => {
    this.write()
    if (this.#sending !== null) this.#halfClosed = true
    else this.#socket.end()
  }

  readonly #onError = (): void => {
    this.#socket.destroy()
  }

  readonly #onClose = (): void => {
    this.#front.forget(this)
    const body = this.#sending
    this.#sending = null
    body?.onEnd(false)
  }

  #leave(rest: Buffer): void {
    const socket = this.#socket
    this.write()
    this.#left = true
    this.#front.forget(this)
    readAsUsual(socket)
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
    if (this.#sending !== null) return
    const silentMs = nowMs - this.#lastMs
    if (!this.#answered && silentMs >= firstRequestMs) this.#front.parts.refuse(this.#socket)
    else if (silentMs >= idleMs) this.#socket.destroy()
  }

  /** Close it behind what was answered; whoever does not read is cut after a while. */
  end(): void {
    this.#ended = true
    this.write()
    readAsUsual(this.#socket)
    this.#socket.off('data', this.#onData)
    this.#socket.resume()
    this.#socket.end()
    setTimeout(() => this.#socket.destroy(), stopGraceMs).unref()
  }
}

export class QuickFront {
  readonly parts: FrontParts
  readonly limits: FrontLimits
  readonly #open = new Set<FrontConnection>()
  readonly #headers = new Map<string, QuickHeaders | null>()
  /** Connections whose answers wait to be written. */
  #writers: FrontConnection[] = []
  #sweeper: NodeJS.Timeout | null = null
  #closed = false

  constructor(parts: FrontParts, limits: FrontLimits = frontLimits) {
    this.parts = parts
    this.limits = limits
  }

  /** Take a connection of which nothing was read yet. */
  adopt(socket: Socket): void {
    if (this.#closed) {
      this.parts.handOver(socket, nothing)
      return
    }
    this.#sweeper ??= setInterval(() => this.#sweep(), this.limits.sweepMs).unref()
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

  /**
   * Have the connection write once all that has come is answered. The answers of a busy moment go out
   * in one burst: whoever takes them is woken once, not for each.
   */
  writeSoon(connection: FrontConnection): void {
    if (this.#writers.length === 0) setImmediate(this.#writeAll)
    this.#writers.push(connection)
    if (this.#writers.length === burstAnswers) this.#writeAll()
  }

  readonly #writeAll = (): void => {
    const writers = this.#writers
    this.#writers = []
    for (const connection of writers) connection.write()
  }

  forget(connection: FrontConnection): void {
    this.#open.delete(connection)
  }

  /**
   * The answers to all requests from `start` on, up to the first that is not usual or whose answer has
   * a body.
   */
  answerAll(text: string, socket: FrontEnds, start = 0): FrontAnswers {
    let place = start
    let answers = ''
    while (place < text.length && !this.#closed) {
      const head = readQuickHead(text, place, this.#parse)
      const answer = head === null ? null : this.parts.answer(head, socket)
      if (head === null || answer === null) break
      place = head.end
      if (typeof answer !== 'string') return { text: answers, length: place - start, body: answer }
      answers += answer
    }
    return { text: answers, length: place - start }
  }

  readonly #parse = (lines: string): QuickHeaders | null => {
    const known = this.#headers.get(lines)
    if (known !== undefined) return known
    const headers = parseQuickHeaders(lines)
    if (this.#headers.size >= rememberedHeaderLines) this.#headers.clear()
    this.#headers.set(ownText(lines), headers)
    return headers
  }

  #sweep(): void {
    const nowMs = this.nowMs()
    for (const connection of this.#open) connection.sweep(nowMs, this.limits)
  }
}
