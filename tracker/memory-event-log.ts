// The event log without a disk: for tests, simulations, and as the plainest reading of the contract.

import { retainedEvents } from '../core/limits.ts'
import type { EventLog, LogEntry, Picture } from './event-log.ts'

type Listener<Event> = (entries: readonly LogEntry<Event>[]) => void

export class MemoryEventLog<Event> implements EventLog<Event> {
  readonly #retained: number
  readonly #listeners = new Set<Listener<Event>>()
  #entries: LogEntry<Event>[] = []
  #last = 0
  #picture: Picture | null = null

  constructor(options: { retained?: number } = {}) {
    this.#retained = options.retained ?? retainedEvents
  }

  async append(events: readonly Event[]): Promise<number> {
    const entries = events.map(event => ({ sequence: ++this.#last, event: structuredClone(event) }))
    this.#entries.push(...entries)
    if (entries.length > 0) for (const listener of this.#listeners) listener(entries)
    return this.#last
  }

  async read(after: number, limit: number): Promise<readonly LogEntry<Event>[]> {
    const first = this.#entries[0]?.sequence ?? 1
    const start = Math.max(0, after + 1 - first)
    return this.#entries.slice(start, start + limit)
  }

  async last(): Promise<number> {
    return this.#last
  }

  subscribe(listener: Listener<Event>): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async savePicture(
    sequence: number,
    parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const own: Uint8Array[] = []
    for await (const part of parts) own.push(Uint8Array.from(part))
    this.#picture = { sequence, parts: own }
    const trimmed = Math.min(sequence, this.#last - this.#retained)
    this.#entries = this.#entries.filter(entry => entry.sequence > trimmed)
  }

  async picture(): Promise<Picture | null> {
    return this.#picture
  }

  async close(): Promise<void> {
    this.#listeners.clear()
  }
}
