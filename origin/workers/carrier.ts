// Holds clients' connections in a worker thread: what they send goes to the main thread as text, and
// what it answers goes back. A connection on which anything unusual came is passed on for good. It
// knows neither HTTP nor why something is unusual.

import type { Socket } from 'node:net'
import type { Clock } from '../../core/clock.ts'
import { stopGraceMs } from '../../core/limits.ts'
import { type FrontLimits, frontLimits } from '../../delivery/quick-front.ts'
import type { ConnectionEnds } from './preface.ts'
import { endsOf } from './tunnel.ts'

export interface CarrierParts {
  /** Have it answered: `answered` is called for each ask, in any order. `ends`: with the first. */
  ask(connection: number, text: string, ends: ConnectionEnds | null): void
  /** A connection that asked asks no more. */
  left(connection: number): void
  /** Pass it on for good; `bytes` were read and not answered. */
  passOn(socket: Socket, bytes: Buffer): void
  /** Nothing came in the time that a first request has. */
  refuse(socket: Socket): void
  readonly tls: boolean
  readonly clock: Pick<Clock, 'monotonicMs'>
}

const letterG = 'G'.charCodeAt(0)
const letterH = 'H'.charCodeAt(0)

/** GET or HEAD: nothing else is answered by the main thread at once. */
const mayBeUsual = (bytes: Buffer): boolean => bytes[0] === letterG || bytes[0] === letterH

/** One connection, until it is closed or passed on. */
class CarriedConnection {
  readonly #carrier: Carrier
  readonly #number: number
  readonly #socket: Socket
  #lastMs: number
  #told = false
  #answered = false
  #ended = false
  /** The client does not read what it was answered. */
  #draining = false
  #asking: Buffer | null = null
  /** What came while something was asked. */
  #later: Buffer | null = null

  constructor(carrier: Carrier, number: number, socket: Socket) {
    this.#carrier = carrier
    this.#number = number
    this.#socket = socket
    this.#lastMs = carrier.nowMs()
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('drain', this.#onDrain)
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
  }

  /** `length`: how many of the characters that were asked last are answered. */
  answered(text: string, length: number): void {
    const bytes = this.#asking
    if (bytes === null) return
    this.#asking = null
    this.#send(text)
    if (length < bytes.length) this.#leave(bytes.subarray(length))
    else this.#next()
  }

  /** Close it if nothing happened for too long. */
  sweep(nowMs: number, { firstRequestMs, idleMs }: FrontLimits): void {
    if (this.#asking !== null) return
    const silentMs = nowMs - this.#lastMs
    if (!this.#answered && silentMs >= firstRequestMs) this.#carrier.parts.refuse(this.#socket)
    else if (silentMs >= idleMs) this.#socket.destroy()
  }

  /** Close it behind what is still to be answered. */
  end(): void {
    this.#ended = true
    setTimeout(() => this.#socket.destroy(), stopGraceMs).unref()
    this.#next()
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#asking === null && !this.#draining) {
      this.#ask(bytes)
      return
    }
    this.#socket.pause()
    this.#later = this.#later === null ? bytes : Buffer.concat([this.#later, bytes])
  }

  readonly #onEnd = (): void => {
    this.#ended = true
    this.#next()
  }

  readonly #onDrain = (): void => {
    this.#lastMs = this.#carrier.nowMs()
    this.#draining = false
    this.#next()
  }

  readonly #onError = (): void => {
    this.#socket.destroy()
  }

  readonly #onClose = (): void => {
    this.#asking = null
    this.#forget()
  }

  #ask(bytes: Buffer): void {
    const ends = this.#told ? null : endsOf(this.#socket, this.#carrier.parts.tls)
    if (ends === null && !this.#told) {
      this.#socket.destroy()
      return
    }
    if (!mayBeUsual(bytes)) {
      this.#leave(bytes)
      return
    }
    this.#told = true
    this.#asking = bytes
    this.#carrier.parts.ask(this.#number, bytes.toString('latin1'), ends)
  }

  #send(text: string): void {
    if (text === '' || !this.#socket.writable) return
    this.#answered = true
    this.#lastMs = this.#carrier.nowMs()
    if (this.#socket.write(text, 'latin1')) return
    // Who does not read is not asked for more.
    this.#draining = true
    this.#socket.pause()
  }

  #next(): void {
    if (this.#asking !== null || this.#draining) return
    const later = this.#later
    this.#later = null
    if (later !== null) this.#ask(later)
    else if (this.#ended) this.#socket.end()
    else this.#socket.resume()
  }

  #leave(rest: Buffer): void {
    const socket = this.#socket
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
    socket.off('drain', this.#onDrain)
    socket.off('error', this.#onError)
    socket.off('close', this.#onClose)
    this.#forget()
    const bytes = this.#later === null ? rest : Buffer.concat([rest, this.#later])
    this.#carrier.parts.passOn(socket, bytes)
  }

  #forget(): void {
    this.#carrier.forget(this.#number, this)
    if (this.#told) this.#carrier.parts.left(this.#number)
  }
}

export class Carrier {
  readonly parts: CarrierParts
  readonly #limits: FrontLimits
  readonly #open = new Map<number, CarriedConnection>()
  readonly #sweeper: NodeJS.Timeout
  #next = 0

  constructor(parts: CarrierParts, limits: FrontLimits = frontLimits) {
    this.parts = parts
    this.#limits = limits
    this.#sweeper = setInterval(() => this.#sweep(), limits.sweepMs).unref()
  }

  /** Take a connection of which nothing was read yet. */
  adopt(socket: Socket): void {
    const number = this.#next++
    this.#open.set(number, new CarriedConnection(this, number, socket))
  }

  /** Connections that are closed already are not minded. */
  answered(connection: number, text: string, length: number): void {
    this.#open.get(connection)?.answered(text, length)
  }

  /** How many connections are here. */
  get open(): number {
    return this.#open.size
  }

  stop(): void {
    clearInterval(this.#sweeper)
    for (const connection of this.#open.values()) connection.end()
  }

  nowMs(): number {
    return this.parts.clock.monotonicMs()
  }

  forget(number: number, connection: CarriedConnection): void {
    if (this.#open.get(number) === connection) this.#open.delete(number)
  }

  #sweep(): void {
    const nowMs = this.nowMs()
    for (const connection of this.#open.values()) connection.sweep(nowMs, this.#limits)
  }
}
