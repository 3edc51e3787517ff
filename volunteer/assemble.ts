// Builds the parts of a volunteer that is enrolled and ties them together. No decisions, no waiting.

import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { systemCode } from '../core/errors.ts'
import type { HttpClient } from '../core/http-client.ts'
import type { RepoPath } from '../core/ids.ts'
import { placementWorkers } from '../core/limits.ts'
import { createLogger, type Logger } from '../core/log.ts'
import { RateLimiter } from '../core/rate-limiter.ts'
import { ReadBudget } from '../delivery/read-budget.ts'
import type { Content } from '../manifest/model.ts'
import { ObjectStore } from '../manifest/objects.ts'
import { ManifestReader } from '../manifest/store/reader.ts'
import { ManifestWriter } from '../manifest/store/writer.ts'
import { AnnounceClient } from '../tracker/logic/announce-client.ts'
import { Adopter } from './adopt.ts'
import { Announcer } from './announcer.ts'
import { BundleSource } from './bundle-source.ts'
import type { DataFolder } from './data-folder.ts'
import { type Enrolment, type Identity, linkSecret } from './enrol.ts'
import { Fetcher } from './fetch.ts'
import { FetchAlone } from './fetch-alone.ts'
import { Hasher } from './hasher.ts'
import { HeldStore } from './held-store.ts'
import { LoadMeter } from './load.ts'
import { compileScope } from './logic/scope.ts'
import { ManifestFollower } from './manifest-follower.ts'
import type { Metrics } from './metrics.ts'
import { MirrorFolder } from './mirror-folder.ts'
import { checkMounted } from './mount-check.ts'
import { type CheckedOptions, placeOfData, prefixOf } from './options.ts'
import { OriginClient } from './origin-client.ts'
import { Placer } from './place.ts'
import { Reconciler } from './reconcile.ts'
import { Schedule } from './schedule.ts'
import { Serving } from './serve.ts'
import { type FreeBytes, Space } from './space.ts'
import { Staging } from './staging.ts'
import { Status } from './status.ts'
import { SwarmHost } from './swarm-host.ts'
import { Sync } from './sync.ts'
import { WorkList } from './work-list.ts'

export interface AssemblyInput {
  readonly options: CheckedOptions
  readonly data: DataFolder
  /** Real path of the mirror. */
  readonly mirrorDir: string
  readonly identity: Identity
  readonly enrolment: Enrolment
  readonly metrics: Metrics
  readonly http: HttpClient
  readonly announceHttp: HttpClient
  readonly url: () => string
  readonly isStopping: () => boolean
  /** Aborted when the volunteer stops; cuts what is being sent. */
  readonly stopSignal: AbortSignal
  readonly serverSignal: AbortSignal
  readonly freeBytes?: FreeBytes
}

export type Assembly = ReturnType<typeof assemble>

const random = Math.random
const newSession = (): string => randomBytes(12).toString('hex')

/** Databases and what is remembered between runs. */
const openStores = ({ data }: AssemblyInput) => {
  const writer = ManifestWriter.open(data.manifestFile)
  const reader = ManifestReader.open(data.manifestFile)
  const store = HeldStore.open(data.heldFile)
  const work = new WorkList(store)
  const staging = new Staging(data.stagedFolder)
  const objects = new ObjectStore(data.objectsFolder)
  return { writer, reader, store, work, staging, objects }
}

type Stores = ReturnType<typeof openStores>

const diskBytes = async (file: string): Promise<number> => {
  try {
    return (await stat(file)).blocks * 512
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 0
    throw error
  }
}

/** What moves bytes: hasher, placer, swarm, transfers. */
const makeTransport = (input: AssemblyInput, stores: Stores, logger: Logger) => {
  const { options, data, enrolment, identity, http, announceHttp, stopSignal } = input
  const { reader, store, staging, objects } = stores
  const folder = new MirrorFolder(input.mirrorDir)
  const hasher = new Hasher({ threads: placementWorkers })
  const uploadLimiter = new RateLimiter(options.uploadLimitBytesPerSecond)
  const downloadLimiter = new RateLimiter(options.downloadLimitBytesPerSecond)
  const origin = new OriginClient({
    http,
    announceHttp,
    originUrl: options.originUrl,
    name: enrolment.name,
    privateKey: identity.signing.privateKey,
  })
  const bundles = new BundleSource({
    ...{ reader, store, folder, staging, objects, origin },
    signal: stopSignal,
  })
  const swarm = new SwarmHost(
    {
      source: bundles,
      originFetch: (sha256, offset, length, signal) =>
        origin.content(sha256, offset, length, signal),
      logger,
      uploadLimiter,
      downloadLimiter,
      loadBundle: infoHash => bundles.load(infoHash),
    },
    { host: options.listen.host, port: options.peerPort, dataDir: data.folder },
  )
  let aloneBytes = 0
  const alone = new FetchAlone({
    folder: data.aloneFolder,
    origin,
    downloadLimiter,
    onBytes: bytes => {
      aloneBytes += bytes
    },
  })
  const placer = new Placer({
    ...{ folder, store, hasher },
    isKnownContent: sha256 => reader.contentByHash(sha256) !== null,
  })
  const partialBytes = async (content: Content): Promise<number> =>
    (await diskBytes(join(data.partialFolder, content.sha256))) +
    (await diskBytes(alone.file(content)))
  const fetchedBytes = () => {
    const { downloadedBytes, originBytes } = swarm.counters()
    return { peers: downloadedBytes - originBytes, origin: originBytes + aloneBytes }
  }
  return {
    ...{ folder, hasher, uploadLimiter, origin, bundles, swarm, alone, placer, partialBytes },
    fetchedBytes,
  }
}

type Transport = ReturnType<typeof makeTransport>

/** What decides and follows: manifest, reconciler, fetcher, loop. */
const makeSync = (
  input: AssemblyInput,
  stores: Stores,
  transport: Transport,
  client: AnnounceClient,
  logger: Logger,
  seams: { readonly nudge: () => void; readonly isOpen: boolean },
) => {
  const { nudge } = seams
  const { options, data, mirrorDir, enrolment } = input
  const { reader, writer, store, work, staging } = stores
  const { folder, hasher, placer, origin } = transport
  const adopter = new Adopter({ folder, store, work, reader, hasher })
  const space = new Space({
    folders: [mirrorDir, data.folder],
    minFreeBytes: options.minFreeBytes,
    ...(input.freeBytes === undefined ? {} : { freeBytes: input.freeBytes }),
  })
  const fetcher: Fetcher = new Fetcher({
    ...{ reader, work, space, logger, random },
    clock: systemClock,
    swarm: () => transport.swarm.swarm,
    loadBundle: infoHash => transport.bundles.load(infoHash),
    fetchAlone: (content, signal) => transport.alone.fetch(content, signal),
    partialBytes: transport.partialBytes,
    isMissing: number => reconciler.isMissing(number),
    onFetched: (content, file) => reconciler.takeFetched(content, file),
  })
  const scope = compileScope({
    include: options.include,
    exclude: options.exclude,
    dataFolder: placeOfData(mirrorDir, data.folder),
  })
  const reconciler: Reconciler = new Reconciler({
    ...{ reader, store, work, scope, adopter, placer, fetcher, staging, logger },
    quotaBytes: options.quotaBytes,
    nowMs: () => systemClock.nowMs(),
    tidyTransfers: async isMissing => {
      await transport.swarm.tidy(isMissing)
      await transport.alone.tidy(isMissing)
    },
    onPhase: phase => sync.enter(phase),
    onMilestone: nudge,
  })
  const follower = new ManifestFollower(
    { origin, reader, writer, store, client, clock: systemClock, logger },
    { rootKey: enrolment.rootKey, repositoryId: enrolment.repositoryId },
  )
  const sync: Sync = new Sync(
    {
      ...{ follower, reconciler, adopter, fetcher, placer, store, random, logger },
      clock: systemClock,
      onMilestone: nudge,
      checkMounted: () => checkMounted(mirrorDir, store),
    },
    { graceMs: options.graceMs, open: seams.isOpen },
  )
  return { adopter, fetcher, reconciler, follower, sync }
}

interface ServingSeams {
  readonly announcer: () => Announcer
  readonly isWithinHours: () => boolean
  readonly onLost: (path: RepoPath) => void
}

const makeServing = (
  input: AssemblyInput,
  { reader, store }: Stores,
  { folder, uploadLimiter }: Transport,
  seams: ServingSeams,
  logger: Logger,
): Serving => {
  const { options, enrolment, identity, metrics } = input
  const { publicUrl, originUrl, networks, maxClients } = options
  return new Serving(
    {
      ...{ reader, store, folder, metrics, uploadLimiter, logger },
      linkKey: { volunteer: enrolment.name, secret: linkSecret(identity, enrolment) },
      budget: new ReadBudget(),
      clock: systemClock,
      originClock: () => seams.announcer().originClock,
      isWithinHours: seams.isWithinHours,
      isDraining: input.isStopping,
      onLost: seams.onLost,
    },
    {
      ...{ originUrl, networks, maxClients },
      prefix: prefixOf(publicUrl),
      signal: input.serverSignal,
    },
  )
}

const makeLoadMeter = (metrics: Metrics, { swarm }: Transport): LoadMeter =>
  new LoadMeter({
    clock: systemClock,
    sources: {
      sentBytes: () => metrics.sentBytes('client') + metrics.sentBytes('network'),
      swarm: () => swarm.counters(),
    },
  })

/** All parts of an enrolled volunteer, not started. */
export const assemble = (input: AssemblyInput) => {
  const { options, enrolment } = input
  const logger = createLogger('volunteer', options.logLevel)
  const stores = openStores(input)
  const client = new AnnounceClient({ session: newSession() })
  stores.store.onHolding((content, held) => {
    if (held) client.hold(content)
    else client.drop(content)
  })
  const schedule = new Schedule({ clock: systemClock, logger }, options.hours)
  const transport = makeTransport(input, stores, logger)
  const nudge = (): void => announcer.nudge()
  const follow = makeSync(input, stores, transport, client, logger, {
    nudge,
    isOpen: schedule.isOpen,
  })
  const announcer: Announcer = new Announcer(
    {
      ...{ client, newSession, random, logger },
      clock: systemClock,
      send: (request, signal) => transport.origin.announce(request, signal),
      status: () => status.wire(),
      onAnswer: answer => {
        transport.swarm.updatePeers(answer.torrents)
        follow.sync.news(answer.snapshot)
      },
    },
    { intervalMs: enrolment.intervalMs },
  )
  const serving = makeServing(
    input,
    stores,
    transport,
    {
      announcer: () => announcer,
      isWithinHours: () => schedule.isOpen,
      onLost: path => {
        follow.sync.lost(path)
        nudge()
      },
    },
    logger,
  )
  const load = makeLoadMeter(input.metrics, transport)
  const status = new Status({
    ...{ options, load, serving, swarm: transport.swarm },
    ...{ store: stores.store, work: stores.work },
    ...{ fetcher: follow.fetcher, reconciler: follow.reconciler },
    ...{ sync: follow.sync, follower: follow.follower },
    name: enrolment.name,
    url: input.url,
    isWithinHours: () => schedule.isOpen,
    isStopping: input.isStopping,
    isOriginHeard: () => announcer.isHeard,
  })
  return { stores, transport, follow, announcer, serving, load, status, schedule, client, logger }
}
