// How busy the volunteer is, measured over the last seconds from counters.

import type { Clock } from '../core/clock.ts'
import { loadSampleMs } from '../core/volunteer-limits.ts'
import { emptyMeter, type Meter, meterRate, readMeter } from './logic/meter.ts'

export interface LoadSources {
  /** Bytes sent to clients and to the own network since the start. */
  sentBytes(): number
  /** Bytes exchanged with peers and fetched from the origin since the start. */
  swarm(): { readonly downloadedBytes: number; readonly uploadedBytes: number }
}

export class LoadMeter {
  readonly #sources: LoadSources
  readonly #clock: Clock
  #sent: Meter = emptyMeter
  #downloaded: Meter = emptyMeter
  #uploaded: Meter = emptyMeter
  #timer: NodeJS.Timeout | undefined

  constructor(parts: { readonly sources: LoadSources; readonly clock: Clock }) {
    this.#sources = parts.sources
    this.#clock = parts.clock
  }

  start(): void {
    this.#sample()
    this.#timer = setInterval(() => this.#sample(), loadSampleMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #sample(): void {
    const nowMs = this.#clock.monotonicMs()
    const { downloadedBytes, uploadedBytes } = this.#sources.swarm()
    this.#sent = readMeter(this.#sent, this.#sources.sentBytes(), nowMs)
    this.#downloaded = readMeter(this.#downloaded, downloadedBytes, nowMs)
    this.#uploaded = readMeter(this.#uploaded, uploadedBytes, nowMs)
  }

  get clientBytesPerSecond(): number {
    return meterRate(this.#sent)
  }

  /** The busier direction: links carry both at once. */
  get syncBytesPerSecond(): number {
    return Math.max(meterRate(this.#downloaded), meterRate(this.#uploaded))
  }
}
