// The streams of "/-/events": lets readers in within bounds, tells them again what they missed of the
// log, and passes on what happens. It does not know what the picture consists of.

import type { ServerResponse } from 'node:http'
import {
  eventBeatMs,
  eventStreams,
  eventStreamsPerAddress,
  eventTickMs,
  replayedEvents,
} from '../../core/dashboard-limits.ts'
import { describeError, MirrorswarmError } from '../../core/errors.ts'
import { logPageEvents } from '../../core/limits.ts'
import type { Logger } from '../../core/log.ts'
import { eventText } from '../../dashboard/logic/event-text.ts'
import type { EventLog, LogEntry } from '../../tracker/event-log.ts'
import type { NetworkEvent } from '../../tracker/events.ts'
import { publicEvent } from '../logic/public-event.ts'
import { EventStream, type StreamReader } from './event-stream.ts'

type Entry = LogEntry<NetworkEvent>

export interface EventHubParts {
  readonly log: Pick<EventLog<NetworkEvent>, 'read' | 'last' | 'subscribe'>
  readonly logger: Logger
  /** Everything as it is now, for a reader that comes. */
  readonly picture: (reader: StreamReader) => object
  /** Called every second while somebody reads: passes on what changed. */
  readonly tick: () => void
}

export interface EventHubOptions {
  readonly most?: number
  readonly mostPerAddress?: number
  readonly tickMs?: number
  readonly beatMs?: number
  readonly replayed?: number
}

/** full: may read every path · limited: may not · others: whoever is no operator */
export type Audience = 'all' | 'full' | 'limited' | 'operators' | 'others'

const isMeant = ({ operator, full }: StreamReader, to: Audience): boolean => {
  if (to === 'all') return true
  if (to === 'operators' || to === 'others') return operator === (to === 'operators')
  return full === (to === 'full')
}

const logEventText = ({ sequence, event }: Entry, full: boolean): string => {
  const shown = publicEvent(event, full)
  return eventText({ id: String(sequence), event: shown.type, data: JSON.stringify(shown) })
}

export class EventHub {
  /** For metrics; they grow from the start of the process. */
  readonly counters = { opened: 0, refused: 0, slow: 0 }
  readonly #parts: EventHubParts
  readonly #options: Required<EventHubOptions>
  readonly #streams = new Set<EventStream>()
  /** Open or about to be. */
  readonly #places = new Map<string, number>()
  #taken = 0
  #watching: NodeJS.Timeout | null = null
  #beating: NodeJS.Timeout | null = null
  #unsubscribe: (() => void) | null = null
  /** The log's newest event that was passed on. */
  #newest = 0
  #stopped = false

  constructor(parts: EventHubParts, options: EventHubOptions = {}) {
    this.#parts = parts
    this.#options = {
      most: eventStreams,
      mostPerAddress: eventStreamsPerAddress,
      tickMs: eventTickMs,
      beatMs: eventBeatMs,
      replayed: replayedEvents,
      ...options,
    }
  }

  /** Streams that are open. */
  get size(): number {
    return this.#streams.size
  }

  /** Streams of operators that are open. */
  get operators(): number {
    let count = 0
    for (const { reader } of this.#streams) if (reader.operator) count++
    return count
  }

  /** The newest event of the log, as far as one was appended since the start. */
  get newest(): number {
    return this.#newest
  }

  async start(): Promise<void> {
    this.#unsubscribe = this.#parts.log.subscribe(entries => this.#pass(entries))
    this.#newest = Math.max(this.#newest, await this.#parts.log.last())
  }

  /** End all streams; readers come again by themselves. */
  stop(): void {
    this.#stopped = true
    this.#unsubscribe?.()
    for (const stream of this.#streams) stream.end()
    this.#idle()
  }

  /**
   * Throws MS_ORIGIN_BUSY or MS_TOO_MANY_REQUESTS when there is no place; else the response is a
   * stream until one side ends it. `after`: the newest event of the log that the reader knows.
   */
  async open(response: ServerResponse, reader: StreamReader, after: number | null): Promise<void> {
    if (response.destroyed) return
    this.#take(reader.address)
    let stream: EventStream | null = null
    response.once('close', () => {
      this.#leave(reader.address)
      if (stream !== null && this.#streams.delete(stream) && this.#streams.size === 0) this.#idle()
    })
    stream = new EventStream(response, reader, () => {
      this.counters.slow++
    })
    this.counters.opened++
    await this.#rewind(stream, after)
    do await this.#catchUp(stream)
    while (!stream.closed && stream.sequence < this.#newest)
    if (stream.closed || this.#stopped) {
      stream.end()
      return
    }
    // Nothing happens between these: what the picture lacks is told.
    const data = JSON.stringify(this.#parts.picture(reader))
    stream.sendPicture({ id: String(stream.sequence), event: 'overview', data })
    this.#streams.add(stream)
    this.#busy()
  }

  /** Tell readers of something of the moment. */
  tell(event: string, value: object, to: Audience = 'all'): void {
    const text = eventText({ event, data: JSON.stringify(value) })
    for (const stream of this.#streams) {
      if (isMeant(stream.reader, to)) stream.write(text)
    }
  }

  #take(address: string): void {
    const { most, mostPerAddress } = this.#options
    const own = this.#places.get(address) ?? 0
    const full = this.#taken >= most
    if (this.#stopped || full || own >= mostPerAddress) {
      this.counters.refused++
      throw full || this.#stopped
        ? new MirrorswarmError('MS_ORIGIN_BUSY', 'as many watch already as may')
        : new MirrorswarmError('MS_TOO_MANY_REQUESTS', `${own} streams of this address are open`)
    }
    this.#taken++
    this.#places.set(address, own + 1)
  }

  #leave(address: string): void {
    this.#taken--
    const left = (this.#places.get(address) ?? 1) - 1
    if (left > 0) this.#places.set(address, left)
    else this.#places.delete(address)
  }

  /** Where in the log the stream goes on. */
  async #rewind(stream: EventStream, after: number | null): Promise<void> {
    const last = await this.#parts.log.last()
    // A number that is not of this log (another data folder) cannot be resumed from either.
    const known = after !== null && after <= last && last - after <= this.#options.replayed
    if (after !== null && !known) stream.send({ event: 'reset', data: '{}' })
    stream.sequence = known ? after : last
  }

  /** Tell what the log has more than the stream. */
  async #catchUp(stream: EventStream): Promise<void> {
    for (;;) {
      const entries = await this.#parts.log.read(stream.sequence, logPageEvents)
      const [first] = entries
      if (first === undefined || stream.closed) return
      if (first.sequence !== stream.sequence + 1) stream.send({ event: 'reset', data: '{}' })
      for (const entry of entries) {
        stream.write(logEventText(entry, stream.reader.full))
        stream.sequence = entry.sequence
      }
    }
  }

  #pass(entries: readonly Entry[]): void {
    this.#newest = entries.at(-1)?.sequence ?? this.#newest
    if (this.#streams.size === 0) return
    try {
      for (const entry of entries) {
        const texts = new Map<boolean, string>()
        for (const stream of this.#streams) {
          const { full } = stream.reader
          if (entry.sequence <= stream.sequence) continue
          const text = texts.get(full) ?? logEventText(entry, full)
          texts.set(full, text)
          stream.write(text)
          stream.sequence = entry.sequence
        }
      }
    } catch (error) {
      this.#parts.logger.error({ error: describeError(error) }, 'cannot pass on an event')
    }
  }

  #busy(): void {
    const { tickMs, beatMs } = this.#options
    this.#watching ??= setInterval(() => this.#parts.tick(), tickMs).unref()
    this.#beating ??= setInterval(() => {
      for (const stream of this.#streams) stream.beat()
    }, beatMs).unref()
  }

  #idle(): void {
    if (this.#watching !== null) clearInterval(this.#watching)
    if (this.#beating !== null) clearInterval(this.#beating)
    this.#watching = null
    this.#beating = null
  }
}
