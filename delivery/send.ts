// Carries a decision out on a socket: exactly the promised bytes, of exactly the file that was
// hashed, or a connection that is visibly cut. Never a complete answer with wrong bytes.

import assert from 'node:assert'
import type { ServerResponse } from 'node:http'
import { stalledClientMs } from '../core/limits.ts'
import { ClientConnection, type ConnectionEnd } from './client-connection.ts'
import { isGuarded } from './guarded-file.ts'
import { advance, type Progress, paceOf } from './logic/pace.ts'
import type { Decision } from './logic/respond.ts'
import type { ReadBudget } from './read-budget.ts'
import { type Body, type ReadFailure, type Slice, SliceReader } from './slice-reader.ts'

export interface SendOptions {
  readonly budget: ReadBudget
  /**
   * Called before each write, with a signal that ends the wait when the client leaves; bytes then
   * go out in small slices. Leave out when unlimited.
   */
  readonly limiter?: { take(bytes: number, signal: AbortSignal): Promise<void> }
  /** Cuts the connection (the daemon stops). */
  readonly signal?: AbortSignal
  /** Body bytes that went to the kernel, as they go. */
  readonly onBytes?: (bytes: number) => void
  /** Tests only shorten it. */
  readonly stallMs?: number
}

export interface SendResult {
  /**
   * `sent`: complete. `changed`: the file is not the one that was hashed. `unreadable`: the system
   * refused to read it, see `error`. Else the connection ended early.
   */
  readonly outcome: 'sent' | 'changed' | 'unreadable' | ConnectionEnd
  /**
   * False together with `changed` or `unreadable`: nothing was written yet, the connection is
   * intact and the caller owes the client an answer. Otherwise the answer is over.
   */
  readonly headersSent: boolean
  readonly bodyBytes: number
  readonly error?: unknown
}

const checkUnread = async (body: Body): Promise<ReadFailure | null> => {
  if ('bytes' in body) return null
  try {
    const same = isGuarded(await body.handle.stat({ bigint: true }), body.guard)
    return same ? null : { outcome: 'changed' }
  } catch (error) {
    return { outcome: 'unreadable', error }
  }
}

class Transfer {
  readonly #response: ServerResponse
  readonly #decision: Decision
  readonly #body: Body
  readonly #options: SendOptions
  readonly #connection: ClientConnection
  #headersSent = false
  #bodyBytes = 0

  constructor(response: ServerResponse, decision: Decision, body: Body, options: SendOptions) {
    this.#response = response
    this.#decision = decision
    this.#body = body
    this.#options = options
    const stallMs = options.stallMs ?? stalledClientMs
    this.#connection = new ClientConnection(response, stallMs, options.signal)
  }

  async run(): Promise<SendResult> {
    try {
      if (!(await this.#connection.turn())) return this.#result()
      const failure =
        this.#decision.parts.length === 0 ? await this.#sendBodiless() : await this.#sendParts()
      if (failure !== null && this.#headersSent) this.#connection.destroy()
      return this.#result(failure)
    } catch (error) {
      this.#connection.destroy()
      throw error
    } finally {
      this.#connection.dispose()
      if ('handle' in this.#body) await this.#body.handle.close()
    }
  }

  #result(failure: ReadFailure | null = null): SendResult {
    const outcome = failure?.outcome ?? this.#connection.ended ?? 'sent'
    return {
      outcome,
      headersSent: this.#headersSent,
      bodyBytes: this.#bodyBytes,
      ...(failure?.error === undefined ? {} : { error: failure.error }),
    }
  }

  #writeHead(): void {
    this.#response.writeHead(this.#decision.status, this.#decision.headers)
    this.#headersSent = true
  }

  async #sendBodiless(): Promise<ReadFailure | null> {
    const failure = await checkUnread(this.#body)
    if (failure !== null || this.#connection.ended !== null) return failure
    this.#writeHead()
    await this.#connection.finish('')
    return null
  }

  async #sendParts(): Promise<ReadFailure | null> {
    const { parts, epilogue } = this.#decision
    const limited = this.#options.limiter !== undefined
    const { budget } = this.#options
    const reader = new SliceReader(this.#body, parts, budget)
    let progress: Progress = { limited, sentBytes: 0, recentBytes: 0, recentMs: 0 }
    let pace = paceOf(progress, !budget.hasRoom(false))
    let reading: Promise<Slice | ReadFailure | null> | null = null
    try {
      for (;;) {
        const slice: Slice | ReadFailure | null = await (reading ?? reader.next(pace))
        reading = null
        if (slice === null) break
        if ('outcome' in slice) return slice
        if (pace.ahead && budget.hasRoom(pace.proven)) reading = reader.next(pace)
        let tookMs: number | null = null
        try {
          tookMs = await this.#sendSlice(slice)
        } finally {
          reader.release(slice, tookMs !== null)
        }
        if (tookMs === null) return null
        progress = advance(progress, slice.data.length, tookMs)
        pace = paceOf(progress, !budget.hasRoom(false))
      }
    } finally {
      const ahead = await reading
      if (ahead !== null && 'data' in ahead) reader.release(ahead, true)
    }
    if (await this.#connection.finish(epilogue)) this.#count(epilogue.length)
    return null
  }

  /** How long the client took for it; null when the connection ended. */
  async #sendSlice({ preamble, data }: Slice): Promise<number | null> {
    const bytes = preamble.length + data.length
    if (!(await this.#mayWrite(bytes))) return null
    if (!this.#headersSent) this.#writeHead()
    const start = performance.now()
    if (!(await this.#connection.write(preamble, data))) return null
    this.#count(bytes)
    return performance.now() - start
  }

  /** Wait for the limiter; false when the connection ended meanwhile. */
  async #mayWrite(bytes: number): Promise<boolean> {
    try {
      await this.#options.limiter?.take(bytes, this.#connection.gone)
    } catch (error) {
      if (this.#connection.ended === null) throw error
    }
    return this.#connection.ended === null
  }

  #count(bytes: number): void {
    this.#bodyBytes += bytes
    this.#options.onBytes?.(bytes)
  }
}

/**
 * Answer with the decision and the body it was made for. Takes the response over (with fastify,
 * after `reply.hijack()`) and closes the body's handle in every case, at once when the client
 * leaves. Headers set on the response before are kept. The first bytes are read and checked before
 * any header goes out, so a changed file can still get another answer: see `headersSent`.
 */
export const sendRepresentation = async (
  response: ServerResponse,
  decision: Decision,
  body: Body,
  options: SendOptions,
): Promise<SendResult> => {
  if ('bytes' in body) {
    const end = Math.max(0, ...decision.parts.map(({ offset, length }) => offset + length))
    assert(end <= body.bytes.length, 'the decision was made for a longer body')
  }
  return new Transfer(response, decision, body, options).run()
}
