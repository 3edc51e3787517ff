// Acts on an origin's data folder while no origin runs on it. The folder is locked meanwhile.

import { systemClock } from '../../core/clock.ts'
import { MirrorswarmError } from '../../core/errors.ts'
import type { RepoPath, VolunteerName } from '../../core/ids.ts'
import { silentLogger } from '../../core/log.ts'
import { defaultGraceMs } from '../../core/update-limits.ts'
import { keepAtOriginBy } from '../../manifest/logic/keep-at-origin.ts'
import { type DataFolder, openDataFolder } from '../../origin/data-folder.ts'
import { explainFile } from '../../origin/explain-file.ts'
import { addMirror } from '../../origin/foreign/foreign-mirrors.ts'
import {
  type Explanation,
  renderExplanation,
  renderExplanationJson,
} from '../../origin/lists/explanation.ts'
import { keptPatterns, PublishWork } from '../../origin/publish-work.ts'
import { Redirector } from '../../origin/redirector.ts'
import { Resolver } from '../../origin/resolver.ts'
import { changeOf } from '../../origin/routes/operator.ts'
import { SignedReader } from '../../origin/signed-reader.ts'
import { type OpenStore, openStore } from '../../origin/store.ts'
import type {
  ClientAnswer,
  ClientRow,
  NewClientRequest,
  NewMirrorRequest,
  Operator,
  OriginState,
  PruneSummary,
  PublishRequest,
  PublishSummary,
  TokenAnswer,
  VolunteerAction,
  VolunteerRow,
  VolunteerSettings,
} from './operator.ts'

/** Nobody announces here: how often they would does not matter. */
const announceIntervalMs = 30_000

export class LocalOperator implements Operator {
  readonly #folder: DataFolder
  readonly #store: OpenStore
  readonly #stack: AsyncDisposableStack

  private constructor(folder: DataFolder, store: OpenStore, stack: AsyncDisposableStack) {
    this.#folder = folder
    this.#store = store
    this.#stack = stack
  }

  /** Throws MS_DATA_LOCKED while an origin runs, MS_CONFIG_INVALID for another kind of folder. */
  static async open(dataDir: string): Promise<LocalOperator> {
    await using stack = new AsyncDisposableStack()
    const folder = await openDataFolder(dataDir, null)
    stack.defer(() => folder.close())
    const store = openStore(folder, { announceIntervalMs }, silentLogger, stack)
    await store.tracker.start()
    stack.defer(() => store.tracker.stop())
    return new LocalOperator(folder, store, stack.move())
  }

  async state(): Promise<OriginState> {
    const snapshot = this.#store.reader.latest()?.number ?? null
    return { url: null, snapshot, publishing: false, problem: null }
  }

  async publish({ allowShrink, signal, onProgress }: PublishRequest): Promise<PublishSummary> {
    const work = this.#work()
    try {
      const result = await work.run({
        ...{ allowShrink, signal, onProgress },
        // Nobody can tell what volunteers want while no origin runs.
        scopes: [],
        onWarning: () => undefined,
      })
      await work.sign({ signal, onWarning: () => undefined })
      return { ...result, warnings: [...result.warnings] }
    } finally {
      await work.close()
    }
  }

  async prune({ keepMs, signal, onStep }: Parameters<Operator['prune']>[0]): Promise<PruneSummary> {
    const keptMs = Math.max(keepMs, defaultGraceMs)
    const work = this.#work()
    try {
      const sinceMs = systemClock.nowMs() - keptMs
      return { ...(await work.prune(sinceMs, signal, onStep)), keptMs }
    } finally {
      await work.close()
    }
  }

  #work(): PublishWork {
    const { files, options } = this.#folder
    return new PublishWork({
      root: options.repositoryDir,
      dataDir: files.folder,
      keepAtOrigin: options.keepAtOrigin,
      workers: null,
    })
  }

  async createToken(request: Parameters<Operator['createToken']>[0]): Promise<TokenAnswer> {
    return this.#store.tokens.create(request, systemClock.nowMs())
  }

  async addClient(request: NewClientRequest): Promise<ClientAnswer> {
    const made = await this.#store.clients.add(request, systemClock.nowMs())
    return { ...made, paths: [...made.paths], networks: [...made.networks] }
  }

  async clients(): Promise<readonly ClientRow[]> {
    const rows = this.#store.clients.list()
    return rows.map(row => ({ ...row, paths: [...row.paths], networks: [...row.networks] }))
  }

  async revokeClient(name: string): Promise<void> {
    if (this.#store.clients.revoke(name)) return
    throw new MirrorswarmError('MS_PATH_NOT_FOUND', `there is no client called ${name}`)
  }

  async volunteers(): Promise<readonly VolunteerRow[]> {
    return this.#store.tracker.volunteers().map(row => ({
      ...row,
      reasons: [...row.reasons],
      networks: [...row.networks],
      askedNetworks: [...row.askedNetworks],
    }))
  }

  async addMirror({ mirror: url, ...request }: NewMirrorRequest): Promise<VolunteerRow> {
    const name = request.name as VolunteerName
    // The origin that runs here next may stand on a loopback address; its looks are guarded again.
    const checks = { allowLoopback: true, ownUrl: null }
    await addMirror(this.#store.tracker, { ...request, name, url }, systemClock.nowMs(), checks)
    return this.#row(name)
  }

  async change(name: string, actions: readonly VolunteerAction[]): Promise<VolunteerRow> {
    await this.#row(name)
    for (const action of actions) {
      await this.#store.tracker.setOwner(name as VolunteerName, changeOf(action))
    }
    return this.#row(name)
  }

  async settle(name: string, settings: VolunteerSettings): Promise<VolunteerRow> {
    await this.#row(name)
    const { networks, ...rest } = settings
    await this.#store.tracker.setOwner(name as VolunteerName, {
      ...rest,
      ...(networks === undefined ? {} : { networks: [...networks] }),
    })
    return this.#row(name)
  }

  async remove(name: string): Promise<void> {
    await this.#row(name)
    await this.#store.tracker.remove(name as VolunteerName)
  }

  async explain(path: RepoPath, from: string | null, json: boolean): Promise<string> {
    const options = { clock: systemClock, grace: { ms: defaultGraceMs } }
    const signed = new SignedReader(this.#folder.files.folder, silentLogger, options)
    await signed.refresh()
    const explanation = this.#explain(path, from, signed)
    return json ? renderExplanationJson(explanation) : renderExplanation(explanation)
  }

  close(): Promise<void> {
    return this.#stack.disposeAsync()
  }

  async #row(name: string): Promise<VolunteerRow> {
    const row = (await this.volunteers()).find(volunteer => volunteer.name === name)
    if (row !== undefined) return row
    throw new MirrorswarmError('MS_PATH_NOT_FOUND', `there is no volunteer called ${name}`)
  }

  #explain(path: RepoPath, from: string | null, signed: SignedReader): Explanation {
    const { reader, tracker } = this.#store
    // The origin that runs here next may have another --grace.
    const file = new Resolver(reader).findAny(path, systemClock.nowMs() - defaultGraceMs)
    if (file === null) throw new MirrorswarmError('MS_PATH_NOT_FOUND', 'there is no such file')
    const redirector = new Redirector({
      source: tracker,
      clock: systemClock,
      random: Math.random,
      signed: () => signed.contents,
    })
    const keepAtOrigin = keepAtOriginBy(keptPatterns(this.#folder.options.keepAtOrigin))
    return explainFile(
      { redirector, keepAtOrigin },
      file,
      { client: from ?? '', address: from, https: false, range: undefined, direct: false },
      from,
    )
  }
}
