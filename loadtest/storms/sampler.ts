// What the daemons of a network say about themselves, once a second while users are there.

import { sumOf } from '../metrics.ts'
import type { Network } from '../network.ts'

/** Sums since each daemon's start, at one moment. */
export interface NetworkSample {
  readonly atMs: number
  /** Bytes that the origin sent to anybody. */
  readonly originBytes: number
  /** Bytes that each volunteer sent to clients, by its name; a dead one is missing. */
  readonly volunteerBytes: Readonly<Record<string, number>>
  readonly redirects: number
  /** What is resident of the origin's process. */
  readonly originResidentBytes: number
}

const originSample = async (network: Network) => {
  const series = await network.metrics(network.origin)
  return {
    originBytes: sumOf(series, 'mirrorswarm_sent_bytes_total'),
    redirects: sumOf(series, 'mirrorswarm_requests_total', { outcome: 'redirect' }),
    originResidentBytes: sumOf(series, 'process_resident_memory_bytes'),
  }
}

const volunteersSample = async (network: Network): Promise<Record<string, number>> => {
  const bytes: Record<string, number> = {}
  await Promise.all(
    network.volunteers
      .filter(volunteer => volunteer.running)
      .map(async volunteer => {
        try {
          const series = await network.metrics(volunteer)
          const sent = sumOf(series, 'mirrorswarm_sent_bytes_total', { kind: 'client' })
          bytes[volunteer.name] = sent
        } catch {
          // It was killed between the two looks.
        }
      }),
  )
  return bytes
}

export class Sampler {
  readonly samples: NetworkSample[] = []
  readonly #network: Network
  readonly #timer: NodeJS.Timeout
  #busy: Promise<void> | null = null

  constructor(network: Network, everyMs = 1_000) {
    this.#network = network
    this.#timer = setInterval(() => {
      // A network under load answers late: looks never pile up.
      this.#busy ??= this.#look().finally(() => {
        this.#busy = null
      })
    }, everyMs)
  }

  async stop(): Promise<readonly NetworkSample[]> {
    clearInterval(this.#timer)
    await this.#busy
    return this.samples
  }

  async #look(): Promise<void> {
    try {
      const [origin, volunteerBytes] = await Promise.all([
        originSample(this.#network),
        volunteersSample(this.#network),
      ])
      this.samples.push({ atMs: performance.now(), ...origin, volunteerBytes })
    } catch {
      // A gap in the plot says so.
    }
  }
}
