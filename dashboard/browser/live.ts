// Reads the stream of events for as long as the page lives: comes again when it breaks, and tells
// which event it saw last.

import { parseEvents, parseStart, type StreamEvent } from '../logic/event-text.ts'
import { ask, Refusal } from './server.ts'

export type LinkState = 'connecting' | 'live' | 'lost' | 'refused'

export interface LiveHandlers {
  readonly onEvent: (event: StreamEvent) => void
  readonly onLink: (state: LinkState, why: string) => void
}

const firstPauseMs = 500
const longestPauseMs = 15_000
/** The server says something every 15 seconds. */
const silenceMs = 40_000

export class Live {
  readonly #handlers: LiveHandlers
  #lastId: string | null = null
  #reading: AbortController | null = null
  #pauseMs = firstPauseMs

  constructor(handlers: LiveHandlers) {
    this.#handlers = handlers
  }

  /** Read from now on, with the token that is kept now. */
  start(): void {
    this.stop()
    const reading = new AbortController()
    this.#reading = reading
    void this.#readAll(reading.signal)
  }

  stop(): void {
    this.#reading?.abort()
    this.#reading = null
  }

  async #readAll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#readOnce(signal)
        if (signal.aborted) return
        this.#handlers.onLink('lost', 'the connection ended')
      } catch (error) {
        if (signal.aborted) return
        const status = error instanceof Refusal ? error.status : 0
        if (status === 401 || status === 403) {
          this.#handlers.onLink('refused', error instanceof Error ? error.message : '')
          return
        }
        this.#handlers.onLink('lost', error instanceof Refusal ? error.message : 'it broke off')
      }
      await this.#pause(signal)
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    // Not all pages at once, when a server comes back.
    const ms = this.#pauseMs * (0.7 + Math.random() * 0.6)
    this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2)
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, ms)
      signal.addEventListener('abort', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  async #readOnce(signal: AbortSignal): Promise<void> {
    const silent = new AbortController()
    const either = AbortSignal.any([signal, silent.signal])
    let timer = setTimeout(() => silent.abort(), silenceMs)
    try {
      const headers = {
        accept: 'text/event-stream',
        ...(this.#lastId === null ? {} : { 'last-event-id': this.#lastId }),
      }
      const answer = await ask('events', { headers, signal: either })
      const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
      if (reader === undefined) return
      let state = parseStart()
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return
        clearTimeout(timer)
        timer = setTimeout(() => silent.abort(), silenceMs)
        const parsed = parseEvents(state, value)
        state = parsed.state
        for (const event of parsed.events) this.#take(event)
      }
    } finally {
      clearTimeout(timer)
    }
  }

  #take(event: StreamEvent): void {
    if (event.id !== undefined) this.#lastId = event.id
    if (event.event === 'overview') {
      this.#pauseMs = firstPauseMs
      this.#handlers.onLink('live', '')
    }
    this.#handlers.onEvent(event)
  }
}
