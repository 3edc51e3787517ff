// The network's state in this process: restored from the log's picture and events, then kept in step
// with the log. The only place where events are applied.

import { describeError, MirrorswarmError } from '../core/errors.ts'
import { logPageEvents, pictureEvents } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import type { AppendOptions, EventLog, LogEntry } from './event-log.ts'
import type { NetworkEvent } from './events.ts'
import { applyEvent, emptyNetwork, type NetworkState } from './logic/network-state.ts'
import { decodePicture, PictureTaking } from './picture.ts'

export interface ReplicaParts {
  readonly log: EventLog<NetworkEvent>
  readonly logger: Logger
  /** Told of each event after it was applied (not of those that restored the state). */
  readonly onEvent: (event: NetworkEvent) => void
}

/** About what replaying an event costs, in containers. */
const weightOf = (event: NetworkEvent): number =>
  event.type === 'holdings' ? 1 + event.containers.length : 1

export class Replica {
  readonly #parts: ReplicaParts
  #network: NetworkState = emptyNetwork()
  #applied = 0
  /** Entries that came while restoring; null once restored. */
  #early: LogEntry<NetworkEvent>[] | null = []
  #unsubscribe: (() => void) | null = null
  #weight = 0
  /** Replaying may cost as much as the newest picture did, so pictures stay a part of the work. */
  #pictureContainers = 0
  #saving: Promise<void> | null = null
  /** The picture that is being taken. */
  #taking: PictureTaking | null = null

  constructor(parts: ReplicaParts) {
    this.#parts = parts
  }

  get network(): NetworkState {
    return this.#network
  }

  /** Restore the state. Throws MS_DATA_CORRUPT. */
  async start(): Promise<void> {
    const { log } = this.#parts
    this.#unsubscribe = log.subscribe(entries => this.#receive(entries))
    const picture = await log.picture()
    if (picture !== null) {
      this.#network = decodePicture(picture.parts)
      this.#applied = picture.sequence
    }
    for (;;) {
      const entries = await log.read(this.#applied, logPageEvents)
      if (entries.length === 0) break
      for (const entry of entries) this.#apply(entry)
    }
    const early = this.#early ?? []
    this.#early = null
    for (const entry of early) this.#apply(entry)
  }

  /** Append events; when it resolves, they are durable and applied. */
  async append(events: readonly NetworkEvent[], options?: AppendOptions): Promise<void> {
    if (events.length > 0) await this.#parts.log.append(events, options)
  }

  /** Save a last picture and let go of the log, which stays open. */
  async stop(): Promise<void> {
    this.#unsubscribe?.()
    this.#unsubscribe = null
    await this.#saving
    if (this.#early === null && this.#weight > 0) await this.#save()
  }

  #receive(entries: readonly LogEntry<NetworkEvent>[]): void {
    if (this.#early !== null) {
      this.#early.push(...entries)
      return
    }
    for (const entry of entries) {
      this.#apply(entry)
      this.#parts.onEvent(entry.event)
    }
    if (this.#weight < Math.max(pictureEvents, this.#pictureContainers)) return
    this.#saving ??= this.#save().finally(() => {
      this.#saving = null
    })
  }

  #apply({ sequence, event }: LogEntry<NetworkEvent>): void {
    if (sequence <= this.#applied) return
    if (sequence !== this.#applied + 1) {
      throw new MirrorswarmError(
        'MS_DATA_CORRUPT',
        `the state log lacks the events ${this.#applied + 1} to ${sequence - 1}`,
      )
    }
    if (event.type === 'holdings' || event.type === 'withdrawn') this.#taking?.keep(event.name)
    applyEvent(this.#network, event)
    this.#applied = sequence
    this.#weight += weightOf(event)
  }

  async #save(): Promise<void> {
    const weight = this.#weight
    this.#weight = 0
    const taking = new PictureTaking(this.#network)
    this.#taking = taking
    try {
      await this.#parts.log.savePicture(this.#applied, taking.partsByTurns())
      this.#pictureContainers = taking.containers
    } catch (error) {
      this.#weight += weight
      this.#pictureContainers = this.#weight * 2
      this.#parts.logger.warn(
        { error: describeError(error) },
        'cannot save a picture of the state; the log is kept and it will be tried again',
      )
    } finally {
      this.#taking = null
    }
  }
}
