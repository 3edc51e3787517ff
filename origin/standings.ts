// All volunteers as selection sees them, kept in step with their source, and in which order they are
// near to a client. What is made from them is remembered in bounded memory until one of them moves.

import { LRUCache } from 'lru-cache'
import type { Clock } from '../core/clock.ts'
import type { VolunteerName } from '../core/ids.ts'
import { rememberedClients } from '../core/limits.ts'
import { parseNetwork } from '../core/networks.ts'
import { rememberedRankings } from '../core/selection-limits.ts'
import type { Candidate } from '../tracker/logic/views.ts'
import {
  type ClientPlace,
  familyOf,
  placeKey,
  type Ranking,
  type Reach,
  rank,
  type VolunteerPlace,
} from './logic/closeness.ts'
import type { PreferRule } from './logic/prefer-rules.ts'
import { PrefixTable } from './logic/prefix-table.ts'
import { Standing } from './standing.ts'

/** Where the volunteers come from: the tracker, or a list in tests and simulations. */
export interface VolunteerSource {
  /** Renewed in place. */
  candidates(): readonly Candidate[]
  /** Another number whenever a candidate is another object; missing: that is looked at each time. */
  readonly revision?: number
}

/** Where addresses are. */
export interface GeoPlace {
  readonly asn: number | null
  readonly country: string | null
}

/** Finds out where clients and volunteers are; without one nobody knows. */
export interface PlaceFinder {
  /** Another number whenever an answer may have changed. */
  readonly revision: number
  client(address: string): GeoPlace
  /** Of the host of a public URL; what is not known yet is unknown, and looked up meanwhile. */
  volunteer(url: string): GeoPlace & { readonly reach: Reach }
}

const unknown = { asn: null, country: null } as const

export interface StandingsParts {
  readonly source: VolunteerSource
  readonly clock: Clock
  readonly places: PlaceFinder | null
  readonly rules: readonly PreferRule[]
  /** By which a volunteer is remembered; two may meet in one, hardly ever. */
  readonly numberOf: (name: VolunteerName) => number
}

export class Standings {
  readonly #parts: StandingsParts
  #rules = new PrefixTable<PreferRule>()
  readonly #byName = new Map<VolunteerName, { readonly standing: Standing; index: number }>()
  readonly #byNumber = new Map<number, number>()
  readonly #byAddress = new LRUCache<string, Ranking>({ max: rememberedClients })
  readonly #byPlace = new LRUCache<string, Ranking>({ max: rememberedRankings })
  #all: Standing[] = []
  #places: VolunteerPlace[] = []
  #networks = new PrefixTable<number>()
  #revision: number | undefined
  #placesRevision = -1

  constructor(parts: StandingsParts) {
    this.#parts = parts
    this.setRules(parts.rules)
  }

  /** Other rules from now on. */
  setRules(rules: readonly PreferRule[]): void {
    this.#rules = new PrefixTable()
    for (const rule of rules) this.#rules.add(rule.network, rule)
    this.#placesRevision = -1
  }

  /** All volunteers by index, as they are now. Valid until the next call. */
  current(): readonly Standing[] {
    const { source, places } = this.#parts
    const candidates = source.candidates()
    const { revision } = source
    if (revision === undefined || revision !== this.#revision) {
      this.#revision = revision
      if (this.#take(candidates)) this.#placesRevision = -1
    }
    const placesRevision = places?.revision ?? 0
    if (placesRevision !== this.#placesRevision) {
      this.#settle()
      // Asking may have begun look-ups, whose results come with a new revision.
      this.#placesRevision = placesRevision
    }
    return this.#all
  }

  /** By name; to be asked after current(). */
  find(name: VolunteerName): Standing | undefined {
    return this.#byName.get(name)?.standing
  }

  /** By number, -1 for nobody; to be asked after current(). */
  indexOf(number: number | null): number {
    return number === null ? -1 : (this.#byNumber.get(number) ?? -1)
  }

  /** In which order the volunteers are near to a client; to be asked after current(). */
  rankingFor(address: string | null): Ranking {
    const key = address ?? ''
    const known = this.#byAddress.get(key)
    if (known !== undefined) return known
    const place = this.#placeOf(address)
    const shared = placeKey(place)
    let ranking = this.#byPlace.get(shared)
    if (ranking === undefined) {
      ranking = rank(place, this.#places)
      this.#byPlace.set(shared, ranking)
    }
    this.#byAddress.set(key, ranking)
    return ranking
  }

  #placeOf(address: string | null): ClientPlace {
    if (address === null) return { ...unknown, family: null, rules: [], networks: [] }
    return {
      ...(this.#parts.places?.client(address) ?? unknown),
      family: familyOf(address),
      rules: this.#rules.matches(address).flatMap(({ values }) => values),
      networks: this.#networks.matches(address),
    }
  }

  /** True if somebody came, went or moved. */
  #take(candidates: readonly Candidate[]): boolean {
    const nowMs = this.#parts.clock.monotonicMs()
    let moved = candidates.length !== this.#all.length
    const all = this.#all
    for (let index = 0; index < candidates.length; index++) {
      const candidate = candidates[index] as Candidate
      const standing = all[index]
      if (standing?.candidate === candidate) continue
      if (standing?.name === candidate.name) {
        const before = standing.settledPlace
        standing.update(candidate, nowMs)
        moved ||= standing.settledPlace !== before
      } else {
        all[index] = this.#standingOf(candidate, nowMs)
        moved = true
      }
    }
    all.length = candidates.length
    if (moved) this.#index()
    return moved
  }

  #standingOf(candidate: Candidate, nowMs: number): Standing {
    const known = this.#byName.get(candidate.name)?.standing
    if (known === undefined) return new Standing(candidate, nowMs)
    known.update(candidate, nowMs)
    return known
  }

  #index(): void {
    this.#byName.clear()
    this.#byNumber.clear()
    for (const [index, standing] of this.#all.entries()) {
      this.#byName.set(standing.name, { standing, index })
      this.#byNumber.set(this.#parts.numberOf(standing.name), index)
    }
  }

  /** Find out anew where everybody is. */
  #settle(): void {
    this.#byAddress.clear()
    this.#byPlace.clear()
    this.#networks = new PrefixTable()
    this.#places = this.#all.map((standing, index) => {
      const found = this.#parts.places?.volunteer(standing.url) ?? { ...unknown, reach: 'any' }
      standing.reach = found.reach
      for (const text of standing.candidate.record.networks ?? []) {
        this.#networks.add(parseNetwork(text), index)
      }
      return standing.place(found)
    })
  }
}
