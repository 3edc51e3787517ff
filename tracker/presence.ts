// What is known only since this process runs: the newest announce of each volunteer, whether it is
// there, and what follows from both: its state, its candidate for selection, its place on the
// torrent board. Forgotten at a restart on purpose.

import type { Clock } from '../core/clock.ts'
import type { VolunteerName } from '../core/ids.ts'
import {
  advanceLiveness,
  isOffline,
  type LivenessClock,
  type SignsOfLife,
  stateOf,
} from './logic/liveness.ts'
import type { NetworkState, Volunteer } from './logic/network-state.ts'
import type { TorrentBoard } from './logic/torrent-board.ts'
import { addTotals, type HeardTotals } from './logic/totals.ts'
import {
  type Candidate,
  candidateOf,
  type LastReport,
  peerAddressOf,
  reportOf,
} from './logic/views.ts'
import type {
  AnnouncedScope,
  AnnouncedTotals,
  AnnounceRequest,
  VolunteerState,
} from './messages.ts'

export interface PresenceParts {
  readonly network: NetworkState
  readonly board: TorrentBoard
  readonly clock: Clock
  readonly intervalMs: number
}

interface Attendance {
  readonly report: LastReport
  readonly totals: HeardTotals | null
  readonly signs: SignsOfLife
}

export class Presence {
  readonly #parts: PresenceParts
  readonly #attendance = new Map<VolunteerName, Attendance>()
  readonly #offline = new Set<VolunteerName>()
  readonly #places = new Map<VolunteerName, number>()
  readonly #candidates: Candidate[] = []
  readonly #outdated = new Set<VolunteerName>()
  #liveness: LivenessClock
  #revision = 0

  constructor(parts: PresenceParts) {
    this.#parts = parts
    this.#liveness = { nowMs: 0, monotonicMs: parts.clock.monotonicMs() }
    for (const name of parts.network.volunteers.keys()) {
      this.#offline.add(name)
      this.#outdated.add(name)
    }
  }

  report(name: VolunteerName): LastReport | null {
    return this.#attendance.get(name)?.report ?? null
  }

  /** What it told of its traffic since the tracker started; null: nothing. */
  totals(name: VolunteerName): AnnouncedTotals | null {
    return this.#attendance.get(name)?.totals?.sum ?? null
  }

  /** Pieces of the torrents that volunteers download, and how many of them they have. */
  pieces(): { readonly wanted: number; readonly had: number } {
    let wanted = 0
    let had = 0
    for (const [name, { report }] of this.#attendance) {
      if (this.#offline.has(name)) continue
      for (const torrent of report.sync.torrents) {
        wanted += torrent.pieces
        had += torrent.have
      }
    }
    return { wanted, had }
  }

  /** What the volunteers want that have been heard, those that want everything included. */
  scopes(): AnnouncedScope[] {
    const { volunteers } = this.#parts.network
    return [...this.#attendance]
      .filter(([name]) => volunteers.get(name)?.record.mirror === undefined)
      .map(([, { report }]) => report.scope ?? { include: [], exclude: [] })
  }

  /** A new announce was heeded. */
  heard(name: VolunteerName, request: AnnounceRequest): void {
    const report = reportOf(request, this.#parts.clock.nowMs(), this.report(name))
    const before = this.#attendance.get(name)?.totals ?? null
    this.#attendance.set(name, {
      report,
      totals: addTotals(before, request.totals),
      signs: { announcedMs: this.#advance(), brokenMs: null },
    })
    this.#offline.delete(name)
    this.changed(name)
  }

  /** The other side closed the connection of its long poll. */
  broke(name: VolunteerName, session: string): void {
    const known = this.#attendance.get(name)
    if (known === undefined || known.report.session !== session) return
    if (known.signs.brokenMs !== null) return
    const signs = { ...known.signs, brokenMs: this.#advance() }
    this.#attendance.set(name, { ...known, signs })
  }

  /** Look who went away; true if somebody did. */
  sweep(): boolean {
    const now = this.#advance()
    let gone = false
    for (const [name, { signs }] of this.#attendance) {
      if (this.#offline.has(name) || !isOffline(signs, now, this.#parts.intervalMs)) continue
      this.#offline.add(name)
      this.changed(name)
      gone = true
    }
    return gone
  }

  /** Something about the volunteer is new: its record, holdings, snapshot or report. */
  changed(name: VolunteerName): void {
    this.#outdated.add(name)
    const volunteer = this.#parts.network.volunteers.get(name)
    if (volunteer !== undefined) {
      this.#place(volunteer)
      return
    }
    this.#attendance.delete(name)
    this.#offline.delete(name)
    this.#parts.board.remove(name)
  }

  changedAll(): void {
    for (const name of this.#parts.network.volunteers.keys()) this.changed(name)
  }

  /** The state as others see it; a volunteer that is not enrolled is offline. */
  state(name: VolunteerName): VolunteerState {
    const volunteer = this.#parts.network.volunteers.get(name)
    return volunteer === undefined ? 'offline' : this.#state(volunteer)
  }

  /** All volunteers. The array is renewed in place: valid until the next announce. */
  candidates(): readonly Candidate[] {
    if (this.#outdated.size === 0) return this.#candidates
    this.#revision += 1
    for (const name of this.#outdated) {
      const volunteer = this.#parts.network.volunteers.get(name)
      if (volunteer === undefined) {
        this.#forget(name)
        continue
      }
      const place = this.#places.get(name) ?? this.#candidates.length
      this.#places.set(name, place)
      this.#candidates[place] = candidateOf(
        this.#parts.network,
        volunteer,
        this.report(name),
        this.#state(volunteer),
      )
    }
    this.#outdated.clear()
    return this.#candidates
  }

  /** Grows whenever a candidate is another object than before. */
  get revision(): number {
    return this.#revision + (this.#outdated.size === 0 ? 0 : 1)
  }

  /** It is enrolled no more; the last one takes its place. */
  #forget(name: VolunteerName): void {
    const place = this.#places.get(name)
    const last = this.#candidates.at(-1)
    if (place === undefined || last === undefined) return
    this.#candidates[place] = last
    this.#places.set(last.name, place)
    this.#candidates.pop()
    this.#places.delete(name)
  }

  #advance(): number {
    this.#liveness = advanceLiveness(this.#liveness, this.#parts.clock.monotonicMs())
    return this.#liveness.nowMs
  }

  #state(volunteer: Volunteer): VolunteerState {
    const { name } = volunteer.record
    const report = this.report(name)
    const self =
      report === null ? null : { draining: report.draining, idle: report.sync.state === 'idle' }
    return stateOf(volunteer, self, this.#offline.has(name), this.#parts.network.snapshot)
  }

  #place({ record, holdings }: Volunteer): void {
    const { board } = this.#parts
    const { name } = record
    const report = this.report(name)
    const state = this.state(name)
    const isPeer = !record.disabled && record.mirror === undefined
    if (report === null || state === 'offline' || !isPeer) {
      board.remove(name)
      return
    }
    board.update({
      name,
      address: peerAddressOf(record, report.peerPort),
      reachable: record.reachable,
      // One in quarantine may repair itself by what others have.
      gives: state !== 'draining' && state !== 'quarantined',
      downloads:
        report.sync.state === 'paused' ? [] : report.sync.torrents.map(torrent => torrent.infoHash),
      contents: holdings?.contents ?? null,
      losses: holdings?.losses ?? 0,
    })
  }
}
