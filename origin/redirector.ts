// Carries out what selection decides: gives it the volunteers as they are now, remembers where
// clients were sent (in bounded memory), and makes the link, signed unless a mirror would not understand
// that. It knows no sockets.

import type { Clock, Random } from '../core/clock.ts'
import type { ContentNumber, RepoPath, VolunteerName } from '../core/ids.ts'
import { duplicateLinks, stickyMs } from '../core/limits.ts'
import { unprovedMirrors } from '../core/selection-limits.ts'
import { linkExpiry } from '../delivery/links.ts'
import type { FileContent } from '../manifest/model.ts'
import {
  type Account,
  emptyAccount,
  expectedBytes,
  noteRedirect,
  shareAt,
} from './logic/account.ts'
import type { CapacitySource } from './logic/capacity.ts'
import {
  byExpectedLoad,
  type Choice,
  choose,
  type Field,
  fewOthers,
  type Policy,
} from './logic/choose.ts'
import type { Tier } from './logic/closeness.ts'
import { mirrorOrder } from './logic/mirror-order.ts'
import { nearestRefusal, type WhyNobody } from './logic/nearest-refusal.ts'
import type { PreferRule } from './logic/prefer-rules.ts'
import { adviseRepeat, rangeOffset, recordAnswer } from './logic/repeats.ts'
import { judgeAll, type Moment, refusal, type Selection } from './logic/select.ts'
import { RedirectMemory } from './redirect-memory.ts'
import type { Standing } from './standing.ts'
import { type PlaceFinder, Standings, type VolunteerSource } from './standings.ts'

export type { PlaceFinder, VolunteerSource } from './standings.ts'

/** A request for one file, as far as the choice of a volunteer depends on it. */
export interface RedirectRequest {
  /** Whoever asks: see clientOf. */
  readonly client: string
  /** The client's IP address; missing or null: not known. */
  readonly address?: string | null
  readonly https: boolean
  readonly path: RepoPath
  readonly content: FileContent
  /** linkContent of its hash, where the caller has it. */
  readonly linked?: string
  readonly range: string | undefined
  /** For the access log; missing: GET. */
  readonly method?: 'GET' | 'HEAD'
}

export type RedirectDecision = {
  /** Where this client was sent for this path a moment ago. */
  readonly tried: readonly VolunteerName[]
  /** A few others that could serve, for Link headers; at most `duplicateLinks`. */
  readonly duplicates: readonly VolunteerName[]
} & (
  | {
      /** No volunteer will do, or enough were tried. */
      readonly serveHere: true
    }
  | { readonly serveHere: false; readonly chosen: Chosen; readonly location: string }
)

export interface Chosen {
  readonly candidate: Standing
  /** Expected load: 0 idle, 1 at capacity. */
  readonly load: number
  readonly by: Choice['by']
  readonly tier: Tier
}

/** How busy a volunteer is taken to be. */
export interface Business {
  readonly capacityBytesPerSecond: number
  readonly capacitySource: CapacitySource
  /** Its part of the redirects of the last minute; 0 when there were few. */
  readonly share: number
}

/** A decision with everybody that could serve or not, and why. */
export type ExplainedDecision = RedirectDecision & { readonly selection: Selection }

/** Contents that signed indexes name. */
export interface SignedContents {
  has(content: ContentNumber): boolean
}

export interface RedirectorParts {
  readonly source: VolunteerSource
  readonly clock: Clock
  readonly random: Random
  /** Missing: none are named. */
  readonly signed?: () => SignedContents
  /** Where clients and volunteers are; missing: nobody knows. */
  readonly places?: PlaceFinder
  readonly rules?: readonly PreferRule[]
  /** The part of all redirects that one volunteer may get; missing: all. */
  readonly maxShare?: number
  /** For benches and simulations only. */
  readonly policy?: Policy
  /** Whether the origin may serve one more client that came back; missing: always. */
  readonly hasRoomForRepeats?: () => boolean
  /** Another URL for a volunteer than its own, if there is one: see rescue names. */
  readonly baseOf?: (name: VolunteerName, url: string) => string | null
  /** The path below a mirror's URL that was proved to have this content; null: none is now. */
  readonly provedPathOf?: (name: VolunteerName, content: ContentNumber) => RepoPath | null
  /** The origin asks clients for credentials, which mirrors without our daemon do not. */
  readonly requireClients?: boolean
  /** Told of each client that is sent to a volunteer; null: it had named the volunteer. */
  readonly onSent?: (name: VolunteerName, request: RedirectRequest, chosen: Chosen | null) => void
  /** Missing: one of its own. */
  readonly memory?: RedirectMemory
}

interface Considered {
  readonly field: Field
  readonly choice: Choice
  readonly serveHere: boolean
  readonly tried: readonly VolunteerName[]
}

const none: readonly VolunteerName[] = []

export class Redirector {
  readonly #parts: RedirectorParts
  readonly #standings: Standings
  readonly #memory: RedirectMemory
  /** All redirects together. */
  #total: Account = emptyAccount

  constructor(parts: RedirectorParts) {
    this.#parts = parts
    const { source, clock, places = null, rules = [] } = parts
    const memory = parts.memory ?? new RedirectMemory()
    this.#memory = memory
    const numberOf = (name: VolunteerName): number => memory.numberOf(name)
    this.#standings = new Standings({ source, clock, places, rules, numberOf })
  }

  /** Other rules of who serves whom first, from now on. */
  setRules(rules: readonly PreferRule[]): void {
    this.#standings.setRules(rules)
  }

  /** The choice for a request, without remembering anything. */
  decide(request: RedirectRequest): RedirectDecision {
    return this.#answer(request, this.#consider(request))
  }

  /** The same choice with everybody that could serve or not, and why: lists and "?explain". */
  explain(request: RedirectRequest): ExplainedDecision {
    const considered = this.#consider(request)
    const { field, choice } = considered
    const { candidates, ranking, moment } = field
    const judged = judgeAll(candidates, ranking, field.request, moment)
    const candidate = candidates[choice.index]
    const tier = ranking.tiers[ranking.tierOf[choice.index] ?? 0] as Tier
    const chosen = candidate === undefined ? null : { candidate, load: choice.load, tier }
    const selection = { ...judged, chosen, by: choice.by }
    return { ...this.#answer(request, considered), selection }
  }

  /** Remember that the decision was carried out. */
  record(request: RedirectRequest, decision: RedirectDecision): void {
    const sentTo = decision.serveHere ? null : decision.chosen.candidate.name
    this.#remember(request, sentTo)
    if (sentTo === null) return
    // The time counts from the first choice: who asks all the time would stay for ever.
    const nowMs = this.#parts.clock.monotonicMs()
    const number = this.#memory.numberOf(sentTo)
    if (this.#memory.sticky(request, nowMs) !== number) {
      this.#memory.stick(request, number, nowMs + stickyMs)
    }
    this.noteSent(sentTo, expectedBytes(request.range, request.content.sizeBytes))
    this.#parts.onSent?.(sentTo, request, decision.serveHere ? null : decision.chosen)
  }

  /** Count a redirect against a volunteer: announces show only later what it causes. */
  noteSent(name: VolunteerName, bytes: number): void {
    const nowMs = this.#parts.clock.monotonicMs()
    this.#standings.current()
    this.#standings.find(name)?.note(bytes, nowMs)
    this.#total = noteRedirect(this.#total, bytes, 0, nowMs)
  }

  /**
   * A link to exactly this volunteer if it may serve the request; it is counted as sent. What was
   * tried before does not matter: whoever works through a list knows what failed. It is remembered,
   * though: who asks without naming a volunteer in the end must not be sent there once more.
   */
  linkIfAble(request: RedirectRequest, name: VolunteerName): string | null {
    const { request: wanted, moment } = this.#field(request, none)
    const standing = this.#standings.find(name)
    if (standing === undefined || refusal(standing, wanted, moment) !== null) return null
    const link = this.#link(standing, request)
    if (link === null) return null
    this.#remember(request, name)
    this.noteSent(name, expectedBytes(request.range, request.content.sizeBytes))
    this.#parts.onSent?.(name, request, null)
    return link
  }

  /** Why nobody was chosen for a request, in one word. */
  whyNobody(request: RedirectRequest): WhyNobody {
    const { candidates, request: wanted, moment } = this.#field(request, none)
    return nearestRefusal(candidates, wanted, moment)
  }

  /** What each volunteer was sent since the start, as expected. */
  sent(): readonly Pick<Standing, 'name' | 'redirects' | 'redirectedBytes'>[] {
    return this.#standings.current()
  }

  /** How busy each volunteer is, by name. */
  business(): ReadonlyMap<VolunteerName, Business> {
    const nowMs = this.#parts.clock.monotonicMs()
    return new Map(
      this.#standings.current().map(({ name, account, capacityBytesPerSecond, capacitySource }) => {
        const share = shareAt(account, this.#total, nowMs)
        return [name, { capacityBytesPerSecond, capacitySource, share }] as const
      }),
    )
  }

  /** Whether this client was sent to this volunteer for this path a moment ago. */
  wasSentTo(request: RedirectRequest, name: VolunteerName): boolean {
    const repeat = this.#memory.repeat(request)
    const { tried } = adviseRepeat(repeat, this.#repeatRequest(request), true)
    return tried.includes(this.#memory.numberOf(name))
  }

  /** The volunteers that a client which keeps a list should try, best first, whatever the file. */
  nearest(
    asker: Pick<Required<RedirectRequest>, 'client' | 'address' | 'https'>,
    most: number,
  ): VolunteerName[] {
    const { client, address, https } = asker
    const candidates = this.#standings.current()
    const ranking = this.#standings.rankingFor(address)
    const key = address ?? client
    const { requireClients = false } = this.#parts
    const one = { key, https, family: ranking.family, requireClients }
    return mirrorOrder(candidates, ranking, one, most)
  }

  /** A signed link to a path at a volunteer; null when it is not enrolled any more. */
  linkTo(name: VolunteerName, path: RepoPath, content: FileContent): string | null {
    this.#standings.current()
    const standing = this.#standings.find(name)
    return standing === undefined ? null : this.#link(standing, { path, content })
  }

  /** Null: a mirror without our daemon, at which no path is proved any more. */
  #link(
    standing: Standing,
    { path, content, linked }: Pick<RedirectRequest, 'path' | 'content' | 'linked'>,
  ): string | null {
    if (standing.mirror !== null) {
      const proved = this.#provedPathOf(standing, content)
      return proved === null ? null : `${standing.url}/${proved}`
    }
    const { sha256 } = content
    const expiresSeconds = linkExpiry(Math.floor(this.#parts.clock.nowMs() / 1000))
    const target = { path, sha256, expiresSeconds }
    const base = this.#parts.baseOf?.(standing.name, standing.url) ?? standing.url
    return `${base}/${path}?${standing.signer.sign(target, linked)}`
  }

  #remember(request: RedirectRequest, sentTo: VolunteerName | null): void {
    const asked = this.#repeatRequest(request)
    const before = this.#memory.repeat(request)
    const number = sentTo === null ? null : this.#memory.numberOf(sentTo)
    const repeat = recordAnswer(before, number, request.content.sizeBytes, asked)
    if (repeat !== before) this.#memory.setRepeat(request, repeat)
  }

  #consider(request: RedirectRequest): Considered {
    const repeat = this.#memory.repeat(request)
    const hasRoom = this.#parts.hasRoomForRepeats?.() ?? true
    const advice = adviseRepeat(repeat, this.#repeatRequest(request), hasRoom)
    const { serveHere } = advice
    const tried = advice.tried.length === 0 ? none : this.#names(advice.tried)
    let field = this.#field(request, serveHere ? none : tried)
    let choice = choose(field)
    // One that was tried is better than the origin, which has made sure already.
    if (choice.index < 0 && tried.length > 0 && !advice.mayServe) {
      field = this.#field(request, none)
      choice = choose(field)
    }
    // Written out: a spread costs more than the choice.
    const chosen = field.candidates[choice.index]
    if (chosen == null || chosen.mirror == null) return { field, choice, serveHere, tried }
    const linkable = this.#linkable(request, field, choice)
    return { field: linkable.field, choice: linkable.choice, serveHere, tried }
  }

  /** Another choice where the chosen mirror's proof has ended since it was announced. */
  #linkable(
    { content }: RedirectRequest,
    first: Field,
    firstChoice: Choice,
  ): { readonly field: Field; readonly choice: Choice } {
    let [field, choice] = [first, firstChoice]
    const unproved: VolunteerName[] = []
    while (unproved.length < unprovedMirrors) {
      const candidate = field.candidates[choice.index] as Standing | undefined
      if (candidate === undefined || candidate.mirror === null) break
      if (this.#provedPathOf(candidate, content) !== null) break
      unproved.push(candidate.name)
      field = { ...field, request: { ...field.request, unproved } }
      choice = choose(field)
    }
    return { field, choice }
  }

  #provedPathOf({ name }: Standing, { number }: FileContent): RepoPath | null {
    return this.#parts.provedPathOf?.(name, number) ?? null
  }

  #field(request: RedirectRequest, tried: readonly VolunteerName[]): Field {
    const { clock, random, maxShare = 1, policy = byExpectedLoad } = this.#parts
    const { requireClients = false } = this.#parts
    const { content, https, address = null } = request
    const candidates = this.#standings.current()
    const ranking = this.#standings.rankingFor(address)
    const moment: Moment = {
      nowMs: clock.monotonicMs(),
      maxShare,
      total: this.#total,
      requireClients,
    }
    const wanted = {
      content: content.number,
      https,
      family: ranking.family,
      tried,
      sticky: this.#standings.indexOf(this.#memory.sticky(request, moment.nowMs)),
      signed: this.#parts.signed?.().has(content.number) ?? false,
    }
    return { candidates, ranking, request: wanted, moment, policy, random }
  }

  #answer(request: RedirectRequest, considered: Considered): RedirectDecision {
    const { field, choice, serveHere, tried } = considered
    const candidate = field.candidates[choice.index] as Standing | undefined
    const duplicates = fewOthers(field, choice, duplicateLinks).map(
      index => (field.candidates[index] as Standing).name,
    )
    if (serveHere || candidate === undefined) return { tried, duplicates, serveHere: true }
    const location = this.#link(candidate, request)
    if (location === null) return { tried, duplicates, serveHere: true }
    const tier = field.ranking.tiers[field.ranking.tierOf[choice.index] ?? 0] as Tier
    const chosen = { candidate, load: choice.load, by: choice.by, tier }
    return { tried, duplicates, serveHere: false, chosen, location }
  }

  #repeatRequest({ range }: RedirectRequest) {
    return { nowMs: this.#parts.clock.nowMs(), offset: rangeOffset(range) }
  }

  /** Who has left meanwhile is not among them. */
  #names(numbers: readonly number[]): VolunteerName[] {
    const all = this.#standings.current()
    return numbers.flatMap(number => all[this.#standings.indexOf(number)]?.name ?? [])
  }
}
