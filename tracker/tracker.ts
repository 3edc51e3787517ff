// The tracker: takes announces, remembers what must survive in the log, and answers with the news.
// Its long polls are what makes an idle network silent and a new snapshot travel at once.

import type { Clock, Random } from '../core/clock.ts'
import { MirrorswarmError } from '../core/errors.ts'
import type { ContentNumber, InfoHash, VolunteerName } from '../core/ids.ts'
import { livenessSweepMs, peerNewsDelayMs, volunteers as volunteersLimit } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import { AnnounceTurns } from './announce-turns.ts'
import type { EventLog } from './event-log.ts'
import type { NetworkEvent, Suspicion, VolunteerRecord } from './events.ts'
import { type AnnounceStep, type Basis, type LastHeard, stepAnnounce } from './logic/announce.ts'
import { type PublishedSnapshot, sameNumbers, sizeOf } from './logic/network-state.ts'
import type { SwarmHealth } from './logic/swarm-health.ts'
import { TorrentBoard } from './logic/torrent-board.ts'
import { type Candidate, type VolunteerView, viewOf } from './logic/views.ts'
import type {
  AnnounceAnswer,
  AnnouncedScope,
  AnnouncedTotals,
  AnnounceRequest,
} from './messages.ts'
import { type OwnerChange, ownerEvent } from './owner-change.ts'
import { PollTable } from './poll-table.ts'
import { PopularSource } from './popular-source.ts'
import { Presence } from './presence.ts'
import { Replica } from './replica.ts'
import { RosterSource } from './roster-source.ts'
import { newTrackerCounters } from './tracker-counters.ts'

/** What the tracker has to know of the repository. */
export interface TrackerManifest {
  /** Numbers of contents: they are below this. */
  contentCount(): number
  /** The contents of one of the origin's torrents; null for anything else. */
  bundleMembers(infoHash: InfoHash): readonly ContentNumber[] | null
}

export interface TrackerParts {
  readonly log: EventLog<NetworkEvent>
  readonly manifest: TrackerManifest
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export interface TrackerOptions {
  /** How often a volunteer announces when there is no news. */
  readonly intervalMs: number
  /** How long volunteers are to keep what the repository dropped; missing: not told. */
  readonly graceMs?: number
}

type AcceptedStep = Extract<AnnounceStep, { ok: true }>

const refusals = {
  unknown: ['MS_AUTH_REFUSED', 'is not enrolled here'],
  replaced: ['MS_NAME_TAKEN', 'is announced by another daemon that started later'],
  numbers: ['MS_REQUEST_INVALID', 'claims contents that do not exist'],
} as const

export class Tracker {
  readonly counters = newTrackerCounters()
  readonly #parts: TrackerParts
  readonly #options: TrackerOptions
  readonly #replica: Replica
  readonly #board: TorrentBoard
  readonly #roster: RosterSource
  readonly #polls = new PollTable()
  readonly #popular: PopularSource
  readonly #turns = new AnnounceTurns()
  readonly #bases = new Map<VolunteerName, Basis>()
  readonly #newestPolls = new Map<VolunteerName, LastHeard>()
  /** Makes tags of this process differ from those of others. */
  readonly #boot: string
  #presence: Presence
  #sweeping: NodeJS.Timeout | null = null
  #waking: NodeJS.Timeout | null = null

  constructor(parts: TrackerParts, options: TrackerOptions) {
    this.#parts = parts
    this.#options = options
    this.#boot = Math.floor(parts.random() * 2 ** 40).toString(36)
    this.#popular = new PopularSource(parts.clock, this.#boot)
    this.#board = new TorrentBoard(infoHash => parts.manifest.bundleMembers(infoHash))
    const onEvent = (event: NetworkEvent): void => this.#happened(event)
    this.#replica = new Replica({ log: parts.log, logger: parts.logger, onEvent })
    this.#roster = new RosterSource(() => this.#replica.network)
    this.#presence = this.#attend()
  }

  /** Restore the state from the log; volunteers are offline until they announce. */
  async start(): Promise<void> {
    await this.#replica.start()
    this.#roster.changed()
    this.#presence = this.#attend()
    this.#sweeping = setInterval(() => this.sweep(), livenessSweepMs)
    this.#sweeping.unref()
  }

  /** Answer all long polls and save the state. The log stays open. */
  async stop(): Promise<void> {
    if (this.#sweeping !== null) clearInterval(this.#sweeping)
    if (this.#waking !== null) clearTimeout(this.#waking)
    this.#polls.endAll('stopped')
    await this.#turns.settled()
    await this.#replica.stop()
  }

  /**
   * Take the announce of a volunteer (authenticated by the caller) and answer: at once if there is
   * something to say, else after up to `waitMs`. `signal`: the connection was closed by the other
   * side. Throws MS_AUTH_REFUSED, MS_NAME_TAKEN, MS_REQUEST_INVALID, MS_ORIGIN_BUSY.
   */
  async announce(
    volunteer: { readonly name: VolunteerName },
    request: AnnounceRequest,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<AnnounceAnswer> {
    const { name } = volunteer
    const step = await this.#turns.inTurn(name, () => this.#take(name, request))
    if (request.waitMs > 0 && this.#isNewestPoll(name, request)) {
      this.#polls.end(name, 'replaced')
      const acknowledges = step.wantFull || step.events.some(event => event.type === 'holdings')
      if (!acknowledges && request.seen === this.#tag(name)) {
        await this.#hold(name, request, options.signal)
      }
    }
    return this.#answer(name, request, step.wantFull)
  }

  /** The connection of a volunteer's long poll was closed by the other side. */
  pollBroken(name: VolunteerName, session: string): void {
    if (this.#polls.has(name)) return
    this.counters.brokenPolls++
    this.#presence.broke(name, session)
  }

  /** Look for volunteers that went away; done by a timer too. */
  sweep(): void {
    if (this.#presence.sweep()) this.#wakeSoon()
  }

  /** Tell everybody of a snapshot; one that is not newer changes nothing. */
  async publishSnapshot(snapshot: PublishedSnapshot): Promise<void> {
    const known = this.#replica.network.snapshot
    if (sameNumbers(known, snapshot) && known?.number === snapshot.number) return
    await this.#replica.append([{ type: 'snapshot', ...snapshot }])
  }

  /** Enrol a volunteer, or replace the record of one. Throws MS_ORIGIN_BUSY when there are too many. */
  async enrol(volunteer: VolunteerRecord): Promise<void> {
    const { volunteers } = this.#replica.network
    if (!volunteers.has(volunteer.name) && volunteers.size >= volunteersLimit) {
      throw new MirrorswarmError(
        'MS_ORIGIN_BUSY',
        `there are ${volunteers.size} volunteers already`,
      )
    }
    await this.#replica.append([{ type: 'enrolled', volunteer }], { flush: true })
  }

  /** What the operator decides about a volunteer. Throws MS_REQUEST_INVALID for an unknown name. */
  async setOwner(name: VolunteerName, change: OwnerChange): Promise<void> {
    this.#mustKnow(name)
    const events: NetworkEvent[] = [ownerEvent(name, change)]
    // Who lets it serve again trusts it again.
    const trusted = change.disabled === false && this.suspicion(name) !== null
    if (trusted) events.push({ type: 'suspicion', name, suspicion: null })
    await this.#replica.append(events, { flush: true })
  }

  /** Forget a volunteer: it is told so and has to enrol anew. Throws MS_REQUEST_INVALID. */
  async remove(name: VolunteerName): Promise<void> {
    this.#mustKnow(name)
    await this.#replica.append([{ type: 'removed', name }], { flush: true })
  }

  /** Whether the origin could reach the public URL. Throws MS_REQUEST_INVALID for an unknown name. */
  async setReachable(name: VolunteerName, reachable: boolean): Promise<void> {
    if (this.#mustKnow(name).reachable === reachable) return
    await this.#replica.append([{ type: 'reachable', name, reachable }])
  }

  /** What is held against it; null: nothing. */
  suspicion(name: VolunteerName): Suspicion | null {
    return this.#replica.network.volunteers.get(name)?.suspicion ?? null
  }

  /** What probes and audits made of it. Throws MS_REQUEST_INVALID for an unknown name. */
  async setSuspicion(name: VolunteerName, suspicion: Suspicion | null): Promise<void> {
    this.#mustKnow(name)
    if (suspicion === null && this.suspicion(name) === null) return
    await this.#replica.append([{ type: 'suspicion', name, suspicion }], { flush: true })
  }

  /** It said that it does not hold a content of the newest epoch: believed until it announces it. */
  async withdraw(name: VolunteerName, content: ContentNumber): Promise<void> {
    const { snapshot, volunteers } = this.#replica.network
    const held = volunteers.get(name)?.holdings?.contents.has(content)
    if (snapshot === null || held !== true) return
    const { repositoryId, epoch } = snapshot
    await this.#replica.append([{ type: 'withdrawn', name, repositoryId, epoch, content }])
  }

  /**
   * All volunteers, for selection; cheap to call at each request. The array is renewed in place:
   * use it before the next await.
   */
  candidates(): readonly Candidate[] {
    return this.#presence.candidates()
  }

  /** Another number whenever a candidate is another object than before. */
  get revision(): number {
    return this.#presence.revision
  }

  /** What those volunteers want that announced since the start. */
  scopes(): AnnouncedScope[] {
    return this.#presence.scopes()
  }

  /** A client asked for a content of the newest epoch. */
  requested(content: ContentNumber): void {
    this.#popular.requested(content)
  }

  /** The contents of the newest epoch that clients ask for most, at most so many. */
  popular(most: number): ContentNumber[] {
    return this.#popular.most(most)
  }

  /** How far a volunteer's clock is ahead of ours, as of its newest announce; null: not known. */
  skewMs(name: VolunteerName): number | null {
    return this.#presence.report(name)?.skewMs ?? null
  }

  /** What a volunteer told of its traffic since this tracker started; null: nothing. */
  totals(name: VolunteerName): AnnouncedTotals | null {
    return this.#presence.totals(name)
  }

  /** How synchronisation fares. */
  get swarm(): SwarmHealth {
    return { torrents: this.#board.size, ...this.#board.health(), ...this.#presence.pieces() }
  }

  /** The enrolled record, for authentication. */
  volunteer(name: VolunteerName): VolunteerRecord | null {
    return this.#replica.network.volunteers.get(name)?.record ?? null
  }

  /** What GET /-/v1/volunteers shows. */
  volunteers(): VolunteerView[] {
    return this.candidates().map(candidate =>
      viewOf(candidate, this.#presence.report(candidate.name)),
    )
  }

  /** How much is kept in memory, for metrics. */
  get stateSize() {
    return {
      ...sizeOf(this.#replica.network),
      openPolls: this.#polls.size,
      torrents: this.#board.size,
    }
  }

  #attend(): Presence {
    const { network } = this.#replica
    const options = { clock: this.#parts.clock, intervalMs: this.#options.intervalMs }
    return new Presence({ network, board: this.#board, ...options })
  }

  #mustKnow(name: VolunteerName): VolunteerRecord {
    const record = this.volunteer(name)
    if (record === null) {
      throw new MirrorswarmError('MS_REQUEST_INVALID', `there is no volunteer called ${name}`)
    }
    return record
  }

  async #take(name: VolunteerName, request: AnnounceRequest): Promise<AcceptedStep> {
    const { network } = this.#replica
    const remembered = {
      last: this.#presence.report(name),
      basis: this.#bases.get(name) ?? null,
    }
    const contents = this.#parts.manifest.contentCount()
    const step = stepAnnounce(network, remembered, name, request, contents)
    if (!step.ok) {
      this.counters.refusedAnnounces++
      const [code, reason] = refusals[step.reason]
      throw new MirrorswarmError(code, `the volunteer ${name} ${reason}`)
    }
    await this.#replica.append(step.events)
    if (step.basis === null) this.#bases.delete(name)
    else this.#bases.set(name, step.basis)
    this.counters.announces++
    if (step.wantFull) this.counters.fullStates++
    if (step.stale) this.counters.staleAnnounces++
    else {
      this.#presence.heard(name, request)
      if (this.#board.size > 0) this.#wakeSoon()
    }
    return step
  }

  /** A poll may be overtaken by other announces, but not by a newer poll. */
  #isNewestPoll(name: VolunteerName, { session, sequence }: AnnounceRequest): boolean {
    const newest = this.#newestPolls.get(name)
    if (newest?.session === session && sequence <= newest.sequence) return false
    this.#newestPolls.set(name, { session, sequence })
    return true
  }

  async #hold(
    name: VolunteerName,
    request: AnnounceRequest,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    // Polls that news ended together should not all end together for ever.
    const jitter = 0.9 + 0.1 * this.#parts.random()
    const waitMs = Math.min(request.waitMs, this.#options.intervalMs) * jitter
    await this.#polls.hold(name, {
      tag: this.#tag(name),
      waitMs,
      signal,
      onBroken: () => this.pollBroken(name, request.session),
    })
    signal?.throwIfAborted()
  }

  #answer(name: VolunteerName, request: AnnounceRequest, wantFull: boolean): AnnounceAnswer {
    const { snapshot, volunteers } = this.#replica.network
    const volunteer = volunteers.get(name)
    const holdings = volunteer?.holdings ?? null
    const known = holdings?.session === request.session && sameNumbers(request.manifest, snapshot)
    return {
      nowMs: this.#parts.clock.nowMs(),
      ...this.#options,
      snapshot: snapshot === null ? null : { epoch: snapshot.epoch, number: snapshot.number },
      holdingsVersion: known ? holdings.version : null,
      wantFull,
      torrents: this.#board.handOut(name, this.#parts.random),
      drain: this.#drained(name),
      state: this.#presence.state(name),
      ...this.#roster.answerTo(name, request.roster),
      ...(sameNumbers(request.manifest, snapshot) ? this.#popular.answerTo(request) : {}),
      tag: this.#tag(name),
    }
  }

  #drained(name: VolunteerName): boolean {
    const record = this.volunteer(name)
    return record?.draining === true || record?.disabled === true
  }

  /** Names all that an answer could tell the volunteer: what has another tag is news to it. */
  #tag(name: VolunteerName): string {
    const { snapshot } = this.#replica.network
    const state = `${this.#presence.state(name)}${this.#drained(name) ? '-drain' : ''}`
    const news = `${this.#board.newsFor(name)}.${this.#roster.tagFor(name)}`
    return `${this.#boot}.${snapshot?.epoch ?? 0}.${snapshot?.number ?? 0}.${state}.${news}`
  }

  #happened(event: NetworkEvent): void {
    if (event.type === 'snapshot') {
      this.#popular.setEpoch(event.epoch)
      this.#presence.changedAll()
    } else this.#presence.changed(event.type === 'enrolled' ? event.volunteer.name : event.name)
    if (event.type === 'removed') {
      this.#bases.delete(event.name)
      this.#newestPolls.delete(event.name)
    }
    if (event.type === 'holdings' || event.type === 'manifest') return
    if (event.type !== 'snapshot') this.#roster.changed()
    // Many may enrol together, and all that concerns others is a longer roster.
    if (event.type === 'enrolled') this.#wakeSoon()
    // After the log has told all its listeners.
    else setImmediate(() => this.#wake())
  }

  #wake(): void {
    this.#board.refreshAll()
    this.#polls.wake(name => this.#tag(name))
  }

  /** Others' progress is news too, but not news that cannot wait for a moment's worth of it. */
  #wakeSoon(): void {
    if (this.#waking !== null) return
    this.#waking = setTimeout(() => {
      this.#waking = null
      this.#wake()
    }, peerNewsDelayMs)
    this.#waking.unref()
  }
}
