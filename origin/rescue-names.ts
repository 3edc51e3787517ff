// Rescue names at the origin: which volunteers have one that leads where it should, checked again
// and again, and what to do with a client that comes to the origin under such a name.

import { lookup } from 'node:dns/promises'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../core/clock.ts'
import { describeError } from '../core/errors.ts'
import {
  concurrentRescueChecks,
  rescueAgainMs,
  rescueAliveMs,
  rescueCheckMs,
  rescueProbeMs,
  rescueRetryMs,
  rescueTickMs,
} from '../core/healing-limits.ts'
import type { RepoPath, Sha256, VolunteerName } from '../core/ids.ts'
import { rememberedClients, volunteers } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import {
  type RescueName,
  recordsProblem,
  rescueHosts,
  rescueNameOf,
  rescueObstacle,
  withHost,
} from '../core/rescue-zone.ts'
import { verifyLink } from '../delivery/links.ts'
import type { VolunteerRecord } from '../tracker/events.ts'
import type { Tracker } from '../tracker/tracker.ts'
import type { Prober } from './prober.ts'

export interface RescueNamesParts {
  readonly tracker: Pick<Tracker, 'candidates' | 'volunteer'>
  readonly prober: Pick<Prober, 'probe'>
  readonly clock: Clock
  readonly logger: Logger
  /** The addresses of a host name; throws when it has none. */
  readonly addressesOf?: (host: string) => Promise<readonly string[]>
}

export interface RescueNamesOptions {
  readonly zone: string
  /** The origin's public URL. */
  readonly originUrl: string
}

/** What is known of a volunteer's name; `base` null: it has none that works. */
interface Checked {
  readonly url: string
  readonly base: string | null
  readonly reason: string
  /** Looks in a row that found none that works. */
  readonly failures: number
  readonly againAtMs: number
}

const systemAddresses = async (host: string): Promise<readonly string[]> =>
  (await lookup(host.replace(/^\[|\]$/g, ''), { all: true })).map(({ address }) => address)

export class RescueNames {
  readonly #parts: RescueNamesParts
  readonly #options: RescueNamesOptions
  readonly #checked = new Map<VolunteerName, Checked>()
  readonly #sentOn = new LRUCache<string, true>({ max: rememberedClients, ttl: rescueAgainMs })
  readonly #alive = new LRUCache<VolunteerName, Promise<boolean>>({
    ...{ max: volunteers, ttl: rescueAliveMs },
  })
  readonly #stop = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #round: Promise<void> = Promise.resolve()

  constructor(parts: RescueNamesParts, options: RescueNamesOptions) {
    this.#parts = parts
    this.#options = options
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.#round = this.check().then(() => {
        if (!this.#stop.signal.aborted) this.start()
      })
    }, rescueTickMs)
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    clearTimeout(this.#timer)
    await this.#round
  }

  /** The URL that redirects to a volunteer begin with; null: its own. Constant time. */
  baseOf(name: VolunteerName, url: string): string | null {
    const known = this.#checked.get(name)
    return known !== undefined && known.url === url ? known.base : null
  }

  /** Whose rescue name a request came by; null: by none. */
  nameIn(host: string | undefined): RescueName | null {
    return rescueNameOf(host, this.#options.zone)
  }

  /** The content that a link under such a name is good for; null: the link is not genuine. */
  linkedContent(name: VolunteerName, path: RepoPath, query: string): Sha256 | null {
    const record = this.#parts.tracker.volunteer(name)
    if (record === null) return null
    const key = { volunteer: name, secret: Buffer.from(record.linkKey, 'base64') }
    const verdict = verifyLink(key, path, query, Math.floor(this.#parts.clock.nowMs() / 1000))
    return verdict.ok ? verdict.sha256 : null
  }

  /**
   * Where to send a client that merely tried the origin's address first: to the name that has the
   * volunteer's alone, once, and only if it answers at this moment. Null: serve it here.
   */
  async sendOn(client: string, name: VolunteerName, path: RepoPath): Promise<string | null> {
    const record = this.#parts.tracker.volunteer(name)
    const key = `${client}\n${name}\n${path}`
    if (record === null || this.baseOf(name, record.url) === null) return null
    // It was sent there a moment ago and came back: it cannot reach it.
    if (this.#sentOn.has(key) || !(await this.#isAlive(record))) return null
    this.#sentOn.set(key, true)
    return withHost(record.url, rescueHosts(name, this.#options.zone).only)
  }

  /** Look at all volunteers' names whose check is old; for tests and the timer. */
  async check(): Promise<void> {
    const nowMs = this.#parts.clock.monotonicMs()
    const records = this.#parts.tracker
      .candidates()
      .map(({ record }) => record)
      .filter(({ mirror }) => mirror === undefined)
    const due = records.filter(({ name, url }) => {
      const known = this.#checked.get(name)
      return known?.url !== url || nowMs >= known.againAtMs
    })
    const names = new Set(records.map(({ name }) => name))
    for (const name of this.#checked.keys()) if (!names.has(name)) this.#checked.delete(name)
    const worker = async (): Promise<void> => {
      for (let record = due.pop(); record !== undefined; record = due.pop()) {
        if (this.#stop.signal.aborted) return
        await this.#checkOne(record)
      }
    }
    await Promise.all(Array.from({ length: concurrentRescueChecks }, worker))
  }

  async #checkOne(record: VolunteerRecord): Promise<void> {
    const { name, url } = record
    const { zone } = this.#options
    const problem = await this.#problemOf(record)
    const before = this.#checked.get(name)
    const base = problem === null ? withHost(url, rescueHosts(name, zone).both) : null
    const reason = problem ?? 'it works'
    const failures = problem === null ? 0 : (before?.failures ?? 0) + 1
    const waitMs =
      failures === 0 ? rescueCheckMs : Math.min(rescueCheckMs, rescueRetryMs * 2 ** (failures - 1))
    const againAtMs = this.#parts.clock.monotonicMs() + waitMs
    this.#checked.set(name, { url, base, reason, failures, againAtMs })
    if (before?.base === base && before?.reason === reason) return
    const fields = { volunteer: name, rescueName: base, reason }
    this.#parts.logger.info(fields, 'rescue name checked')
  }

  /** A name that leads nowhere would be worse than none. */
  async #problemOf(record: VolunteerRecord): Promise<string | null> {
    const { name, url } = record
    const { zone, originUrl } = this.#options
    const obstacle = rescueObstacle(name, url, originUrl)
    if (obstacle !== null) return obstacle
    const { addressesOf = systemAddresses, prober } = this.#parts
    const hosts = rescueHosts(name, zone)
    try {
      const [both, only, volunteer] = await Promise.all(
        [hosts.both, hosts.only, new URL(url).hostname].map(host => addressesOf(host)),
      )
      const found = { both: both ?? [], only: only ?? [], volunteer: volunteer ?? [] }
      const problem = recordsProblem(found)
      if (problem !== null) return problem
    } catch (error) {
      return describeError(error)
    }
    // By that name, so a server that does not know it is found out, and so is its certificate.
    const target = { ...record, url: withHost(url, hosts.only) }
    const probe = await prober.probe(target, this.#stop.signal)
    return probe.reachable ? null : probe.reason
  }

  #isAlive(record: VolunteerRecord): Promise<boolean> {
    const known = this.#alive.get(record.name)
    if (known !== undefined) return known
    const limit = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(rescueProbeMs)])
    const looking = this.#parts.prober.probe(record, limit).then(({ reachable }) => reachable)
    this.#alive.set(record.name, looking)
    return looking
  }
}
