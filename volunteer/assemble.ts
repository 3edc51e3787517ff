// Builds the parts of a volunteer that is enrolled and ties them together. No decisions, no waiting.

import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { codeOf } from '../core/collected-counter.ts'
import { systemCode } from '../core/errors.ts'
import type { HttpClient } from '../core/http-client.ts'
import type { RepoPath } from '../core/ids.ts'
import type { Logger } from '../core/log.ts'
import { RateLimiter } from '../core/rate-limiter.ts'
import type { ClientAddresses } from '../delivery/client-address.ts'
import { ContentMemory } from '../delivery/content-memory.ts'
import type { HandOver } from '../delivery/hand-over.ts'
import { ReadBudget } from '../delivery/read-budget.ts'
import type { Content } from '../manifest/model.ts'
import { ObjectStore } from '../manifest/objects.ts'
import { ManifestReader } from '../manifest/store/reader.ts'
import { ManifestWriter } from '../manifest/store/writer.ts'
import { askSource, type RangesSource } from '../prsync/ranges-client.ts'
import type { SwarmParts } from '../prsync/swarm.ts'
import { AnnounceClient } from '../tracker/logic/announce-client.ts'
import { VolunteerRoster } from '../tracker/roster.ts'
import { Adopter } from './adopt.ts'
import { Announcer } from './announcer.ts'
import { makeBasis } from './basis.ts'
import { makeBootstrap } from './bootstrap.ts'
import { BundleSource } from './bundle-source.ts'
import type { DataFolder } from './data-folder.ts'
import { type Enrolment, type Identity, linkSecret } from './enrol.ts'
import { Fetcher } from './fetch.ts'
import { FetchAlone } from './fetch-alone.ts'
import { HeldStore } from './held-store.ts'
import { makeLoad } from './load-parts.ts'
import { ManifestFollower } from './manifest-follower.ts'
import { ManifestPruner } from './manifest-pruner.ts'
import type { Metrics } from './metrics.ts'
import { MirrorFolder } from './mirror-folder.ts'
import { checkMounted } from './mount-check.ts'
import { makeNeighbours } from './neighbour-parts.ts'
import { type CheckedOptions, placeOfData, prefixOf } from './options.ts'
import { OriginClient } from './origin-client.ts'
import { Placer } from './place.ts'
import { Popular } from './popular.ts'
import { makePrefill } from './prefill.ts'
import { postRanges, type RangesPostParts } from './ranges-post.ts'
import { Reconciler } from './reconcile.ts'
import type { RequestSigner } from './request-signer.ts'
import { Schedule } from './schedule.ts'
import { Serving } from './serve.ts'
import { type FreeBytes, Space } from './space.ts'
import { Staging } from './staging.ts'
import { Status } from './status.ts'
import { SwarmHost } from './swarm-host.ts'
import { Sync, type SyncParts } from './sync.ts'
import { type Wishes, wishesOf } from './wishes.ts'
import { WorkList } from './work-list.ts'

export interface AssemblyInput {
  readonly options: CheckedOptions
  readonly data: DataFolder
  /** Real path of the mirror. */
  readonly mirrorDir: string
  readonly identity: Identity
  readonly enrolment: Enrolment
  readonly metrics: Metrics
  readonly logger: Logger
  readonly http: HttpClient
  readonly announceHttp: HttpClient
  readonly signer: RequestSigner
  readonly url: () => string
  readonly isStopping: () => boolean
  /** Aborted when the volunteer stops; cuts what is being sent. */
  readonly stopSignal: AbortSignal
  readonly serverSignal: AbortSignal
  readonly addresses: ClientAddresses
  readonly handOver: HandOver | null
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
  const popular = new Popular(store)
  const staging = new Staging(data.stagedFolder)
  const objects = new ObjectStore(data.objectsFolder)
  const { anchorFolder } = data
  return { writer, reader, store, work, popular, staging, objects, anchorFolder }
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

type GivenSwarmParts = Omit<SwarmParts, 'identity' | 'source' | 'originFetch' | 'loadBundle'> & {
  readonly origin: OriginClient
  readonly bundles: BundleSource
}

const makeSwarm = (
  { options, data, enrolment, identity }: AssemblyInput,
  { origin, bundles, ...parts }: GivenSwarmParts,
): SwarmHost =>
  new SwarmHost(
    {
      ...parts,
      identity: { name: enrolment.name, privateKey: identity.signing.privateKey },
      source: bundles,
      originFetch: (sha256, offset, length, signal) =>
        origin.content(sha256, offset, length, signal),
      loadBundle: infoHash => bundles.load(infoHash),
    },
    { host: options.listen.host, port: options.peerPort, dataDir: data.folder },
  )

const makeSpace = ({ options, data, mirrorDir, freeBytes }: AssemblyInput): Space =>
  new Space({
    folders: [mirrorDir, data.folder],
    minFreeBytes: options.minFreeBytes,
    ...(freeBytes === undefined ? {} : { freeBytes }),
  })

/** What moves bytes: hasher, placer, swarm, transfers. */
const makeTransport = (input: AssemblyInput, stores: Stores, logger: Logger) => {
  const { options, data, enrolment, identity, http, announceHttp, signer, stopSignal } = input
  const { reader, store, work, staging, objects } = stores
  const folder = new MirrorFolder(input.mirrorDir)
  const basis = makeBasis({ store, work, reader, folder, logger, dataDir: data.folder })
  const { hasher } = basis
  const uploadLimiter = new RateLimiter(options.uploadLimitBytesPerSecond)
  const downloadLimiter = new RateLimiter(options.downloadLimitBytesPerSecond)
  const { originUrl } = options
  const origin = new OriginClient({ http, announceHttp, originUrl, signer, downloadLimiter })
  const bundles = new BundleSource({
    ...{ reader, store, folder, staging, objects, origin },
    signal: stopSignal,
  })
  const { name } = enrolment
  const { publicKey } = identity.signing
  const rangesPost: RangesPostParts = {
    ...{ http, signer, compression: options.compression },
    onBytes: (_url, bytes, signal) => downloadLimiter.take(bytes, 'swarm', signal),
  }
  const roster = new VolunteerRoster({ file: data.rosterFile, name, publicKey, logger })
  const originRanges: RangesSource = {
    name: 'origin',
    send: (body, signal) => postRanges(rangesPost, { url: originUrl }, body, signal),
  }
  const space = makeSpace(input)
  const prefill = makePrefill({
    ...{ reader, roster, random, logger, finder: basis.finder, post: rangesPost },
    ...{ space, dataDir: data.folder, origin: originRanges },
  })
  const swarm = makeSwarm(input, {
    ...{ origin, bundles, roster, logger, uploadLimiter, downloadLimiter },
    prefill: prefill.prefill,
    originRuns: async (asks, signal) => askSource(originRanges, asks, signal),
  })
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
    (swarm.mayHavePartial(content.sha256)
      ? await diskBytes(join(data.partialFolder, content.sha256))
      : 0) + (await diskBytes(alone.file(content)))
  const fetchedBytes = () => {
    const { downloadedBytes, originBytes } = swarm.counters()
    return { peers: downloadedBytes - originBytes, origin: originBytes + aloneBytes }
  }
  return {
    ...{ folder, hasher, uploadLimiter, downloadLimiter, origin, bundles, swarm, alone, placer },
    partialBytes,
    basis,
    ...{ prefill, roster, space, fetchedBytes },
    forms: prefill.forms,
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
  seams: Required<Pick<SyncParts, 'onError'>> & {
    readonly nudge: () => void
    readonly isOpen: boolean
  },
) => {
  const { nudge, onError } = seams
  const { options, data, mirrorDir, enrolment } = input
  const { reader, writer, store, work, staging, objects } = stores
  const { folder, hasher, placer, origin, space } = transport
  const adopter = new Adopter({ folder, store, work, reader, hasher })
  const fetcher: Fetcher = new Fetcher({
    ...{ reader, work, space, logger, random, onError },
    clock: systemClock,
    swarm: () => transport.swarm.swarm,
    loadBundle: infoHash => transport.bundles.load(infoHash),
    fetchAlone: (content, signal) => transport.alone.fetch(content, signal),
    partialBytes: transport.partialBytes,
    isMissing: number => reconciler.isMissing(number),
    onFetched: (content, file) => reconciler.takeFetched(content, file),
    onBegun: nudge,
  })
  const wishesFor = (wished: CheckedOptions): Wishes =>
    wishesOf(wished, placeOfData(mirrorDir, data.folder))
  const wishes = wishesFor(options)
  const bootstrap = makeBootstrap(
    { store, space, scope: wishes.scope, random, logger },
    {
      ...{ mirrorDir, dataDir: data.folder, open: seams.isOpen, source: options.bootstrap },
      quotaBytes: options.quotaBytes,
      downloadLimitBytesPerSecond: options.downloadLimitBytesPerSecond,
    },
  )
  const reconciler: Reconciler = new Reconciler({
    ...{ reader, store, work, adopter, placer, fetcher, staging, logger, ...wishes },
    popular: () => stores.popular.contents(client.manifest),
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
  const pruner = new ManifestPruner({ writer, store, objects, clock: systemClock, logger })
  const sync: Sync = new Sync(
    {
      ...{ follower, reconciler, adopter, fetcher, placer, store, random, logger, onError },
      clock: systemClock,
      onMilestone: nudge,
      checkMounted: () => checkMounted(mirrorDir, store),
      pruneManifest: (graceMs, signal) => pruner.prune(graceMs, signal),
    },
    { graceMs: options.graceMs, open: seams.isOpen },
  )
  return { adopter, fetcher, reconciler, follower, pruner, sync, bootstrap, wishesFor }
}

interface ServingSeams {
  readonly memory: ContentMemory
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
  const { options, enrolment, identity, metrics, handOver } = input
  const { publicUrl, originUrl, networks, maxClients } = options
  return new Serving(
    {
      ...{ reader, store, folder, metrics, uploadLimiter, logger, handOver, clock: systemClock },
      linkKey: { volunteer: enrolment.name, secret: linkSecret(identity, enrolment) },
      budget: new ReadBudget(),
      memory: seams.memory,
      originClock: () => seams.announcer().originClock,
      isWithinHours: seams.isWithinHours,
      isDraining: input.isStopping,
      onLost: seams.onLost,
    },
    {
      ...{ originUrl, networks, maxClients, addresses: input.addresses },
      prefix: prefixOf(publicUrl),
      signal: input.serverSignal,
    },
  )
}

/** All parts of an enrolled volunteer, not started. */
export const assemble = (input: AssemblyInput) => {
  const { options, enrolment, signer, logger } = input
  const stores = openStores(input)
  const client = new AnnounceClient({ session: newSession() })
  stores.store.onHolding((content, held) => {
    if (held) client.hold(content)
    else client.drop(content)
  })
  const schedule = new Schedule({ clock: systemClock, logger }, options.hours)
  const transport = makeTransport(input, stores, logger)
  if (options.quotaBytes !== null) client.setPopular(stores.popular.tag)
  const nudge = (): void => announcer.nudge()
  const onError = (error: unknown): void => input.metrics.errors.add(codeOf(error))
  const isOpen = schedule.isOpen
  const follow = makeSync(input, stores, transport, client, logger, { nudge, isOpen, onError })
  const announcer: Announcer = new Announcer(
    {
      ...{ client, newSession, random, logger, onError },
      clock: systemClock,
      send: (request, signal) => transport.origin.announce(request, signal),
      status: () => status.wire(),
      onAnswer: answer => {
        if (answer.roster !== undefined) {
          transport.roster.replace(answer.roster)
          client.setRoster(transport.roster.tag)
        }
        const manifest = client.manifest
        if (answer.popular !== undefined && manifest !== null) {
          stores.popular.replace(answer.popular, manifest)
          client.setPopular(stores.popular.tag)
        }
        transport.swarm.updatePeers(answer.torrents)
        transport.prefill.sources.update(answer.torrents)
        if (answer.graceMs !== undefined) follow.sync.setGrace(answer.graceMs)
        follow.sync.news(answer.snapshot)
      },
    },
    { intervalMs: enrolment.intervalMs },
  )
  const seams: ServingSeams = {
    memory: new ContentMemory(),
    announcer: () => announcer,
    isWithinHours: () => schedule.isOpen,
    onLost: path => {
      follow.sync.lost(path)
      nudge()
    },
  }
  const serving = makeServing(input, stores, transport, seams, logger)
  const neighbours = makeNeighbours(
    { ...stores, ...transport, ...seams, ...{ metrics: input.metrics, logger, signer } },
    { self: enrolment.name, isDraining: input.isStopping, signal: input.serverSignal },
  )
  const loads = makeLoad({
    ...{ ...transport, metrics: input.metrics, reusedBytes: transport.prefill.reusedBytes },
    ...{ logger, dataDir: input.data.folder },
    activeClients: () => serving.activeClients,
    busyMs: () => follow.sync.busyMs,
  })
  const status = new Status({
    ...{ ...loads, ...stores, options, serving, swarm: transport.swarm },
    ...{ fetcher: follow.fetcher, reconciler: follow.reconciler },
    ...{ sync: follow.sync, follower: follow.follower, bootstrap: follow.bootstrap },
    ...{ name: enrolment.name, url: input.url, isStopping: input.isStopping },
    isWithinHours: () => schedule.isOpen,
    isOriginHeard: () => announcer.isHeard,
  })
  const daemons = { announcer, serving, neighbours, status, schedule }
  return { stores, transport, follow, client, logger, memory: seams.memory, ...loads, ...daemons }
}
