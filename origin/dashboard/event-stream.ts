// One open stream of events: a response that is written to and never waits. Who does not read is cut,
// and may resume.

import type { ServerResponse } from 'node:http'
import { eventBufferBytes } from '../../core/dashboard-limits.ts'
import { beatText, eventText, type StreamEvent } from '../../dashboard/logic/event-text.ts'

export interface StreamReader {
  readonly address: string
  readonly operator: boolean
  /** May read every path of the repository. */
  readonly full: boolean
}

export class EventStream {
  readonly reader: StreamReader
  readonly #response: ServerResponse
  readonly #onSlow: () => void
  #most = eventBufferBytes
  /** The newest event of the log that was sent. */
  sequence = 0

  constructor(response: ServerResponse, reader: StreamReader, onSlow: () => void) {
    this.#response = response
    this.reader = reader
    this.#onSlow = onSlow
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // Proxies that gather answers would tell nothing for minutes.
      'x-accel-buffering': 'no',
    })
    response.flushHeaders()
  }

  get closed(): boolean {
    return this.#response.destroyed || this.#response.writableEnded
  }

  /** Bytes that were written and not taken. */
  get unreadBytes(): number {
    return this.#response.writableLength
  }

  send(event: StreamEvent): void {
    this.write(eventText(event))
  }

  beat(): void {
    this.write(beatText)
  }

  /** The whole picture: however large it is, the reader gets the time to take it. */
  sendPicture(event: StreamEvent): void {
    const text = eventText(event)
    this.#most = eventBufferBytes + Buffer.byteLength(text)
    this.write(text)
  }

  /** Text that was made for several streams. */
  write(text: string): void {
    if (this.closed) return
    this.#response.write(text)
    if (this.unreadBytes <= this.#most) return
    this.#onSlow()
    this.#response.destroy()
  }

  end(): void {
    if (!this.closed) this.#response.end()
  }
}
