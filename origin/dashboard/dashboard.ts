// The origin's side of its dashboard: the picture that a watcher gets first, and who tells the streams
// what. Reads from the running origin; changes nothing.

import type { VolunteerName } from '../../core/ids.ts'
import { shortAddress } from '../../core/networks.ts'
import type { Overview, PublishNews, VolunteerRow } from '../../dashboard/logic/overview.ts'
import type { EventLog } from '../../tracker/event-log.ts'
import type { NetworkEvent } from '../../tracker/events.ts'
import type { OriginContext } from '../context.ts'
import { choices, closeness, percent } from '../lists/explanation.ts'
import { expectedBytes } from '../logic/account.ts'
import { nothingShown, type ShownState, stepShown } from '../logic/shown-redirects.ts'
import type { Publisher } from '../publisher.ts'
import type { Chosen, RedirectRequest } from '../redirector.ts'
import { EventHub, type EventHubOptions } from './event-hub.ts'
import type { StreamReader } from './event-stream.ts'
import { HistoryKeeper } from './history-keeper.ts'
import { obtainedSums } from './obtained.ts'
import { Recorder } from './recorder.ts'
import { RowChanges, type RowsParts, volunteerRows, withoutReasons } from './volunteer-rows.ts'

export interface DashboardParts
  extends Pick<OriginContext, 'clock' | 'logger' | 'metrics' | 'resolver'>,
    RowsParts {
  readonly log: EventLog<NetworkEvent>
  readonly publisher: Publisher
  /** Null: as each request reached the origin. */
  readonly publicUrl: string | null
  /** Volunteers can install from here. */
  readonly offersPackage: () => boolean
  /** Where what it shows of the past is kept over restarts. */
  readonly historyFile: string
}

/** What of the picture depends on who looks. */
export interface Viewer {
  readonly operator: boolean
  readonly full: boolean
  /** Where the viewer reached the origin. */
  readonly url: string
}

const whyOf = (chosen: Chosen | null): string =>
  chosen === null
    ? 'the client named this volunteer'
    : `${choices[chosen.by]}; ${closeness(chosen.tier)}, load ${percent(chosen.load)}`

export class Dashboard {
  readonly hub: EventHub
  readonly recorder: Recorder
  readonly #parts: DashboardParts
  readonly #urls = new WeakMap<StreamReader, string>()
  readonly #rows = new RowChanges()
  readonly #keeper: HistoryKeeper
  #shown: ShownState = nothingShown
  #told = ''
  #unsubscribe: (() => void) | null = null

  constructor(parts: DashboardParts, options: EventHubOptions = {}) {
    this.#parts = parts
    const { log, logger, clock, resolver, metrics, tracker } = parts
    this.hub = new EventHub(
      {
        ...{ log, logger },
        picture: reader => this.overview({ ...reader, url: this.#urls.get(reader) ?? '' }),
        tick: () => this.#tick(),
      },
      options,
    )
    this.recorder = new Recorder({
      clock,
      snapshot: () => resolver.latest,
      volunteers: () => volunteerRows(parts),
      revision: () => tracker.revision,
      sent: () => metrics.sums(),
      obtained: obtainedSums(tracker),
      onSample: (sample, totals) => this.hub.tell('traffic', { sample, totals }),
      onHappening: happening => this.hub.tell('happening', happening),
    })
    this.#keeper = new HistoryKeeper({ file: parts.historyFile, logger, recorder: this.recorder })
  }

  async start(): Promise<void> {
    await this.#keeper.start()
    this.#unsubscribe = this.#parts.log.subscribe(entries => this.recorder.happened(entries))
    await this.hub.start()
    this.recorder.start()
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.()
    this.recorder.stop()
    this.hub.stop()
    await this.#keeper.stop()
  }

  /** A stream for a reader; `url`: where it reached the origin. See EventHub.open. */
  async watch(
    response: Parameters<EventHub['open']>[0],
    reader: StreamReader,
    { url, after }: { readonly url: string; readonly after: number | null },
  ): Promise<void> {
    this.#urls.set(reader, url)
    await this.hub.open(response, reader, after)
  }

  /** A client is sent to a volunteer. Costs next to nothing while nobody watches. */
  sent(name: VolunteerName, request: RedirectRequest, chosen: Chosen | null): void {
    const { content, range, path, address } = request
    this.recorder.redirected(expectedBytes(range, content.sizeBytes))
    if (this.hub.operators === 0) return
    const step = stepShown(this.#shown, this.#parts.clock.monotonicMs())
    this.#shown = step.state
    if (!step.show) return
    const shown = {
      atMs: this.#parts.clock.nowMs(),
      network: address === null || address === undefined ? null : shortAddress(address),
      path: `/${path}`,
      sizeBytes: content.sizeBytes,
      volunteer: name,
      why: whyOf(chosen),
      skipped: step.skipped,
    }
    this.hub.tell('redirect', shown, 'operators')
  }

  overview({ operator, full, url }: Viewer): Overview {
    const { clock, resolver, publicUrl } = this.#parts
    const { recorder } = this
    recorder.look()
    // What others are told next is compared with what this one is told now.
    const rows = this.#tick()
    return {
      sequence: this.hub.newest,
      nowMs: clock.nowMs(),
      operator,
      url: publicUrl ?? url,
      offersPackage: this.#parts.offersPackage(),
      repositoryId: resolver.reader.identity()?.repositoryId ?? null,
      snapshot: this.#snapshot(),
      publish: this.#publish(operator),
      volunteers: full ? rows : rows.map(withoutReasons),
      releases: recorder.releases,
      traffic: recorder.traffic,
      totals: recorder.totals,
      happenings: recorder.happenings,
    }
  }

  #snapshot(): Overview['snapshot'] {
    const { latest } = this.#parts.resolver
    if (latest === null) return null
    const { number, createdMs, files, uniqueBytes } = latest
    return { number, createdMs, files, bytes: uniqueBytes }
  }

  /** What went wrong may name files: that is for the operator. */
  #publish(operator: boolean): PublishNews {
    const { publishing, progress, problem } = this.#parts.publisher.status
    const known = progress?.scanned === true && progress.toHashBytes > 0
    const part = known ? progress.hashedBytes / progress.toHashBytes : null
    const text = problem === null ? null : operator ? problem.message : 'it failed'
    return { publishing, part, problem: text }
  }

  /** Tell the streams what is new since the last time. */
  #tick(): readonly VolunteerRow[] {
    const { hub, recorder } = this
    const rows = volunteerRows(this.#parts)
    const { changed, gone } = this.#rows.step(rows)
    if (changed.length > 0 || gone.length > 0) this.#tellRows(changed, gone)
    const news = { snapshot: this.#snapshot(), releases: recorder.releases.slice(0, 1) }
    const text = JSON.stringify([news, this.#publish(true)])
    if (text === this.#told) return rows
    this.#told = text
    hub.tell('state', { ...news, publish: this.#publish(true) }, 'operators')
    hub.tell('state', { ...news, publish: this.#publish(false) }, 'others')
    return rows
  }

  #tellRows(changed: readonly VolunteerRow[], gone: readonly string[]): void {
    this.hub.tell('volunteers', { changed, gone }, 'full')
    this.hub.tell('volunteers', { changed: changed.map(withoutReasons), gone }, 'limited')
  }
}
