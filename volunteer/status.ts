// What the volunteer says of itself: in announces, to the owner at /-/status, and in reasons that
// people can act on. Reads everything, changes nothing.

import { systemClock } from '../core/clock.ts'
import type { VolunteerName } from '../core/ids.ts'
import { announcedPatterns, announcedTorrents } from '../core/limits.ts'
import { displayPath } from '../core/repo-path.ts'
import { namedBlockedPaths } from '../core/volunteer-limits.ts'
import type { Day } from '../dashboard/logic/overview.ts'
import type { VolunteerStatus } from '../tracker/logic/announce-client.ts'
import type { AnnouncedScope, AnnouncedTotals, SyncStatus } from '../tracker/messages.ts'
import { wireReasons } from './announcer.ts'
import type { Bootstrap } from './bootstrap.ts'
import type { Fetcher } from './fetch.ts'
import type { HeldStore } from './held-store.ts'
import type { LoadMeter } from './load.ts'
import type { CheckedOptions } from './options.ts'
import type { Reconciler } from './reconcile.ts'
import type { Serving } from './serve.ts'
import type { SwarmHost } from './swarm-host.ts'
import type { Follower, Sync } from './sync.ts'
import type { WorkList } from './work-list.ts'

export interface StatusParts {
  readonly options: CheckedOptions
  readonly name: VolunteerName
  readonly url: () => string
  readonly follower: Follower
  readonly store: HeldStore
  readonly work: WorkList
  readonly fetcher: Fetcher
  readonly reconciler: Reconciler
  readonly sync: Sync
  readonly bootstrap: Bootstrap | null
  readonly swarm: SwarmHost
  readonly serving: Serving
  readonly load: LoadMeter
  readonly totals: () => AnnouncedTotals
  /** What it gave on each day, oldest first. */
  readonly days: () => readonly Day[]
  readonly isWithinHours: () => boolean
  readonly isStopping: () => boolean
  readonly isOriginHeard: () => boolean
}

/** What the origin may know of the scope; too many patterns, or too long ones, are kept to oneself. */
const announcedScope = ({ include, exclude }: CheckedOptions): AnnouncedScope | null => {
  const all = [...include, ...exclude]
  const few = include.length <= announcedPatterns && exclude.length <= announcedPatterns
  if (all.length === 0 || !few || all.some(each => each === '' || each.length > 256)) return null
  return { include: [...include], exclude: [...exclude] }
}

export class Status {
  readonly #parts: StatusParts
  #options: CheckedOptions

  constructor(parts: StatusParts) {
    this.#parts = parts
    this.#options = parts.options
  }

  /** Say other limits and hours from now on. */
  change(options: CheckedOptions): void {
    this.#options = options
  }

  /** As the owner has them now. */
  get options(): CheckedOptions {
    return this.#options
  }

  #state(): SyncStatus['state'] {
    const { isWithinHours, fetcher, sync, bootstrap } = this.#parts
    if (!isWithinHours() || fetcher.pausedReason !== null) return 'paused'
    return (bootstrap?.reason ?? null) === null ? sync.phase : 'syncing'
  }

  /** Why it does less than it could, for the operator and the owner. */
  reasons(): string[] {
    const { isWithinHours, isStopping, fetcher, reconciler, work, sync } = this.#parts
    const reasons: string[] = []
    if (isStopping()) reasons.push('it is being stopped')
    const filling = this.#parts.bootstrap?.reason ?? null
    if (filling !== null) reasons.push(filling)
    if (!isWithinHours()) reasons.push(`outside its hours (${this.#options.hours?.text})`)
    if (fetcher.pausedReason !== null) reasons.push(fetcher.pausedReason)
    if (reconciler.leftOut > 0) reasons.push(`contents beyond its quota: ${reconciler.leftOut}`)
    const blocked = work.blocked(1)
    const [first] = blocked.paths
    if (first !== undefined) {
      const example = `${displayPath(first.path)}: ${first.reason}`
      reasons.push(`${blocked.count} paths are blocked there, for example ${example}`)
    }
    if (sync.lastError !== null) reasons.push(sync.lastError)
    return reasons
  }

  /** For announces. */
  wire(): VolunteerStatus {
    const { work, swarm, load, serving, isWithinHours, isStopping } = this.#parts
    return {
      peerPort: swarm.port,
      scope: announcedScope(this.#options),
      sync: {
        state: this.#state(),
        ...work.progress(),
        torrents: swarm.downloads().slice(0, announcedTorrents),
      },
      load: {
        clientBytesPerSecond: load.clientBytesPerSecond,
        syncBytesPerSecond: load.syncBytesPerSecond,
        activeClients: serving.activeClients,
      },
      clockMs: systemClock.nowMs(),
      totals: this.#parts.totals(),
      limits: {
        uploadBytesPerSecond: this.#options.uploadLimitBytesPerSecond,
        maxClients: this.#options.maxClients,
      },
      draining: isStopping() || !isWithinHours(),
      reasons: wireReasons(this.reasons()),
    }
  }

  /** What its owner settled, besides what it announces. */
  #owner() {
    const { downloadLimitBytesPerSecond, quotaBytes, minFreeBytes, hours } = this.#options
    const { networks, include, exclude } = this.#options
    return {
      downloadBytesPerSecond: downloadLimitBytesPerSecond,
      ...{ quotaBytes, minFreeBytes, include, exclude },
      hours: hours?.text ?? null,
      // Which they are is the department's business.
      networks: networks.length,
    }
  }

  /** For people and scripts. */
  document(): object {
    const { name, url, follower, store, work, swarm, isOriginHeard } = this.#parts
    const applied = follower.current()
    const wire = this.wire()
    const blocked = work.blocked(namedBlockedPaths)
    return {
      name,
      url: url(),
      origin: { url: this.#options.originUrl, answers: isOriginHeard() },
      epoch: applied?.epoch ?? null,
      snapshot: { applied: applied?.number ?? null, placed: store.placedSnapshot() },
      ...wire.sync,
      draining: wire.draining,
      reasons: wire.reasons,
      load: wire.load,
      totals: wire.totals,
      limits: wire.limits,
      owner: this.#owner(),
      days: this.#parts.days(),
      swarm: { port: swarm.port, ...swarm.counters() },
      blocked: {
        count: blocked.count,
        paths: blocked.paths.map(({ path, reason }) => ({ path: displayPath(path), reason })),
      },
    }
  }
}
