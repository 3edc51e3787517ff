// Builds the parts of an origin from its options and an open data folder, and ties them together.

import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { chunkCacheBytes } from '../core/delta-limits.ts'
import { describeError } from '../core/errors.ts'
import { probeDelayMostMs } from '../core/healing-limits.ts'
import type { RepoPath, VolunteerName } from '../core/ids.ts'
import { kernel } from '../core/kernel/kernel.ts'
import { redirectFloorBytes } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import { classifyAddress } from '../core/networks.ts'
import { RateLimiter } from '../core/rate-limiter.ts'
import { checkRsyncSource } from '../core/rsync.ts'
import { Front } from '../delivery/front.ts'
import { ReadBudget } from '../delivery/read-budget.ts'
import { repositoryIdOf } from '../manifest/head.ts'
import { keepAtOriginBy } from '../manifest/logic/keep-at-origin.ts'
import type { FileContent } from '../manifest/model.ts'
import { ChunkCache } from '../prsync/chunk-cache.ts'
import { RangesAnswerer } from '../prsync/ranges-answer.ts'
import { Access } from './access/access.ts'
import { Verifier } from './access/verifier.ts'
import { AccessLog } from './access-log.ts'
import type { AppParts } from './app.ts'
import type { Auditor } from './audits/auditor.ts'
import { makeAuditor } from './audits/make-auditor.ts'
import { Authority } from './authority.ts'
import { Bounces } from './bounces.ts'
import { originContents, originForms } from './content-source.ts'
import type { OriginContext } from './context.ts'
import type { Dashboard } from './dashboard/dashboard.ts'
import { makeDashboard } from './dashboard/make-dashboard.ts'
import type { DataFolder } from './data-folder.ts'
import { Enrolment } from './enrolment.ts'
import type { ForeignMirrors } from './foreign/foreign-mirrors.ts'
import { makeForeign } from './foreign/make-foreign.ts'
import type { GeoDatabase } from './geo.ts'
import { HeadKeeper } from './head-keeper.ts'
import { HotFiles } from './hot-files.ts'
import { prefixOf } from './logic/public-url.ts'
import { makeMetrics } from './make-metrics.ts'
import { makeRescueNames } from './make-rescue.ts'
import { type OriginOptions, swarmRateOf } from './options.ts'
import { PackageOffer, readPackage } from './package-offer.ts'
import { PathIndex } from './path-index.ts'
import { Prober } from './prober.ts'
import { copiedPatterns, keptPatterns } from './publish-work.ts'
import { Publisher } from './publisher.ts'
import { Reachability } from './reachability.ts'
import type { RedirectorParts } from './redirector.ts'
import { linkRights } from './rescue-access.ts'
import type { RescueNames } from './rescue-names.ts'
import { Resolver } from './resolver.ts'
import { DirectoryPages } from './routes/directories.ts'
import type { SeedListener } from './seed-listener.ts'
import { makeSeeding, seedersAt } from './seeding.ts'
import { makeSelection, type SelectionSystem } from './selection.ts'
import { ServingGate, syncAnswersAt } from './serving-gate.ts'
import { StockDesk } from './stock-desk.ts'
import type { OpenStore } from './store.ts'
import { Upstream, type UpstreamParts } from './upstream.ts'
import { type BuiltOrigin, buildOrigin } from './workers/behind-workers.ts'
import { ZsyncFiles } from './zsync-files.ts'

export type Assembly = AppParts &
  BuiltOrigin & {
    readonly front: Front
    readonly selection: SelectionSystem
    readonly prober: Prober
    readonly reachability: Reachability
    readonly seeding: SeedListener
    readonly auditor: Auditor
    readonly foreign: ForeignMirrors
    readonly pathIndex: PathIndex
    readonly accessLog: AccessLog
  }

const makeUpstream = (
  { upstream, upstreamIntervalMs }: OriginOptions,
  root: string,
  parts: Pick<UpstreamParts, 'publisher' | 'logger'> & { readonly resolver: Resolver },
): Upstream | null => {
  if (upstream === null) return null
  const publishedFiles = (): number => parts.resolver.latest?.files ?? 0
  return new Upstream(
    { ...parts, clock: systemClock, publishedFiles },
    {
      source: checkRsyncSource(upstream),
      root,
      intervalMs: upstreamIntervalMs,
    },
  )
}

/** Loopback volunteers make sense only where clients reach the origin on loopback too. */
const isOnLoopback = (options: OriginOptions): boolean => {
  const host =
    options.publicUrl === null ? options.listen.host : new URL(options.publicUrl).hostname
  const bare = host.replace(/^\[|\]$/g, '')
  return bare === 'localhost' || classifyAddress(bare) === 'loopback'
}

const makeStock = (
  store: OpenStore,
  options: OriginOptions,
  logger: Logger,
  seeding: SeedListener,
): StockDesk => {
  const { reader, torrents } = store
  return new StockDesk(
    {
      isKnown: infoHash =>
        reader.bundleByInfoHash(infoHash) !== null || torrents.find(infoHash) !== null,
      seeders: seedersAt(seeding, options.publicUrl),
      logger,
    },
    { intervalMs: options.announceIntervalMs * stockIntervalFactor },
  )
}

/** Stock clients ask less often than volunteers, who piggyback load and holdings. */
const stockIntervalFactor = 10

const makeLimiter = (options: OriginOptions): RateLimiter => {
  const limiter = new RateLimiter(options.uploadLimitBytesPerSecond)
  limiter.holdSwarm(options.swarmUploadLimitBytesPerSecond)
  return limiter
}

/** What answers volunteers that ask for pieces of many contents. */
const makeRanges = ({ bodies, forms }: OriginContext, dataDir: string): RangesAnswerer =>
  new RangesAnswerer({
    source: originContents(bodies, forms),
    kernel,
    cache: new ChunkCache(chunkCacheBytes),
    anchorFolder: join(dataDir, 'anchors'),
  })

/** A volunteer said that it does not hold a content: no client is sent there for it. */
const withdraw = (
  { tracker }: OpenStore,
  logger: Logger,
  name: VolunteerName,
  content: FileContent,
): void => {
  tracker.withdraw(name, content.number).catch((error: unknown) => {
    logger.warn({ volunteer: name, error: describeError(error) }, 'cannot take a content back')
  })
}

/** What the routes work with; `stopping` is aborted when transfers are to be cut. */
const makeContext = (
  folder: DataFolder,
  store: OpenStore,
  options: OriginOptions,
  logger: Logger,
  index: PathIndex,
  shared: Pick<
    OriginContext,
    | 'resolver'
    | 'metrics'
    | 'stopping'
    | 'onNamed'
    | 'onRepeat'
    | 'onRequest'
    | 'access'
    | 'authority'
    | 'gate'
    | 'redirector'
    | 'rescueNames'
  >,
): OriginContext => {
  const { publicUrl } = options
  const prefix = prefixOf(publicUrl)
  const keepAtOrigin = keepAtOriginBy(keptPatterns(folder.options.keepAtOrigin))
  const isCopied = keepAtOriginBy(copiedPatterns(folder.options.keepAtOrigin))
  // By the name alone: at this size nothing is copied for being small.
  const isIndex = (path: RepoPath): boolean => isCopied(path, redirectFloorBytes)
  return {
    ...shared,
    hotFiles: new HotFiles({ resolver: shared.resolver, index, keepAtOrigin, isIndex, prefix }),
    bodies: { root: folder.options.repositoryDir, reader: store.reader, kept: store.kept },
    objects: store.objects,
    bounces: new Bounces({
      tracker: store.tracker,
      clock: systemClock,
      publicUrl,
      onBounce: (name, reason, content) => {
        if (reason === 'not held') withdraw(store, logger, name, content)
      },
      onJudged: reason => shared.metrics.bounced(reason),
    }),
    keepAtOrigin,
    isIndex,
    grace: store.grace,
    budget: new ReadBudget(),
    limiter: makeLimiter(options),
    pages: new DirectoryPages(),
    torrents: store.torrents,
    zsync: new ZsyncFiles(join(folder.files.folder, 'zsync')),
    forms: originForms(join(folder.files.folder, 'forms'), logger),
    listKeys: folder.onlineKeys,
    clock: systemClock,
    logger,
    publicUrl,
    prefix,
    https: options.tls !== null || publicUrl?.startsWith('https:') === true,
  }
}

/** Who may ask for what. */
const makeAccess = (
  { clients }: OpenStore,
  { addresses, limit }: Front,
  authority: Authority,
  rescueNames: RescueNames | null,
  { requireClients, publicUrl }: OriginOptions,
): Access => {
  const verifier = new Verifier(clients, systemClock)
  const links =
    rescueNames === null ? {} : { linkRights: linkRights(rescueNames, prefixOf(publicUrl)) }
  return new Access(
    { ...{ authority, clients, verifier, addresses, limit }, ...links },
    { requireClients },
  )
}

/** Who is told of a publish, besides the tracker. */
interface Told {
  readonly resolver: Resolver
  readonly heads: HeadKeeper
  readonly pathIndex: PathIndex
  readonly onSigned: () => Promise<void>
  /** Before the tracker is told. */
  readonly onSnapshot: () => void
}

const makeAuthority = (
  { operatorToken }: DataFolder,
  { tracker }: OpenStore,
  { publicUrl }: OriginOptions,
): Authority =>
  new Authority({ tracker, operatorToken, prefix: prefixOf(publicUrl), clock: systemClock })

const makeIndex = ({ files, options }: DataFolder, resolver: Resolver, logger: Logger): PathIndex =>
  new PathIndex({
    ...{ file: files.manifest, latest: () => resolver.latest, logger },
    leftOut: copiedPatterns(options.keepAtOrigin),
  })

/** What makes snapshots, and tells everybody of a new one. */
const makePublisher = (
  folder: DataFolder,
  { reader, tracker }: OpenStore,
  { hashThreads }: OriginOptions,
  logger: Logger,
  { resolver, heads, pathIndex, onSigned, onSnapshot }: Told,
): Publisher =>
  new Publisher({
    place: {
      root: folder.options.repositoryDir,
      dataDir: folder.files.folder,
      keepAtOrigin: folder.options.keepAtOrigin,
      workers: hashThreads,
    },
    logger,
    scopes: () => tracker.scopes(),
    onPublished: async () => {
      const latest = resolver.refresh()
      onSnapshot()
      pathIndex.refresh()
      const head = heads.refresh()
      const identity = reader.identity()
      if (latest === null || head === null || identity === null) return
      await tracker.publishSnapshot({ ...identity, number: latest.number })
    },
    onSigned,
  })

/** What lets volunteers in. */
const makeEnrolment = (
  { rootKeys, exchangeKeys }: DataFolder,
  { tracker, tokens }: OpenStore,
  logger: Logger,
  parts: { readonly prober: Prober; readonly stopping: AbortSignal },
  options: OriginOptions,
): Enrolment =>
  new Enrolment(
    {
      ...{ tracker, tokens, exchangeKeys, logger, clock: systemClock },
      ...parts,
      repositoryId: repositoryIdOf(rootKeys.publicKey),
      rootKey: rootKeys.publicKey,
    },
    { intervalMs: options.announceIntervalMs, allowLoopback: isOnLoopback(options) },
  )

/** Who is told what clients do; `late` has what is made after the redirector. */
const makeListeners = (
  tracker: OpenStore['tracker'],
  reachability: Reachability,
  late: () => {
    readonly auditor: Auditor
    readonly foreign: ForeignMirrors
    readonly dashboard: Dashboard
    readonly accessLog: AccessLog
  },
): Pick<OriginContext, 'onNamed' | 'onRepeat' | 'onRequest'> &
  Required<Pick<RedirectorParts, 'onSent'>> => ({
  onRepeat: (name, file) => {
    reachability.suspect(name)
    late().auditor.suspect(name, file)
    late().foreign.suspect(name, file.content.number)
  },
  onSent: (name, request, chosen) => {
    late().auditor.sent(name, request)
    late().dashboard.sent(name, request, chosen)
    late().accessLog.sent(name, request)
  },
  onNamed: (name, request) => late().accessLog.sent(name, request, false),
  onRequest: content => {
    tracker.requested(content)
    late().foreign.requested(content)
  },
})

/** Wire an origin; nothing is started and nothing listens yet. */
export const assemble = (
  folder: DataFolder,
  store: OpenStore,
  options: OriginOptions,
  logger: Logger,
  stopping: AbortSignal,
  geo: GeoDatabase | null = null,
): Assembly => {
  const { reader, tracker, tokens, clients, grace } = store
  const { rootKeys, onlineKeys } = folder
  const resolver = new Resolver(reader)
  const pathIndex = makeIndex(folder, resolver, logger)
  const heads = new HeadKeeper({ reader, rootKeys, onlineKeys, clock: systemClock })
  const publisher = makePublisher(folder, store, options, logger, {
    ...{ resolver, heads, pathIndex },
    onSigned: () => selection.signed.refresh(),
    onSnapshot: () => foreign.published(),
  })
  const root = folder.options.repositoryDir
  const upstream = makeUpstream(options, root, { publisher, logger, resolver })
  const late = () => ({ redirector, gate, seeding, foreign, dashboard, ...built })
  const metrics = makeMetrics({ store, resolver, publisher, upstream, folder, pathIndex, late })
  const allowLoopback = isOnLoopback(options)
  const prober = new Prober({ allowLoopback })
  const { announceIntervalMs: intervalMs, requireClients } = options
  const reachability = new Reachability({ tracker, prober, logger }, { intervalMs })
  const accessLog = new AccessLog({ logger, clock: systemClock, named: requireClients })
  const listeners = () => ({ auditor, foreign, dashboard, accessLog })
  const told = makeListeners(tracker, reachability, listeners)
  const authority = makeAuthority(folder, store, options)
  const front = new Front(options.front, systemClock)
  const rescueNames = makeRescueNames(options, { tracker, prober, logger, clock: systemClock })
  const access = makeAccess(store, front, authority, rescueNames, options)
  const gate = new ServingGate(options.servingLimit, syncAnswersAt(swarmRateOf(options)))
  const selection: SelectionSystem = makeSelection(
    { folder, source: tracker, geo, options, grace, logger },
    {
      ...{ hasRoomForRepeats: () => gate.hasRoom('repeat'), onSent: told.onSent, requireClients },
      provedPathOf: (name, content) => foreign.provedPathOf(name, content),
      ...(rescueNames === null ? {} : { baseOf: rescueNames.baseOf.bind(rescueNames) }),
    },
  )
  const { redirector } = selection
  const shared = {
    ...{ resolver, metrics, stopping, access, authority, gate, redirector, rescueNames, ...told },
  }
  const context = makeContext(folder, store, options, logger, pathIndex, shared)
  const own = { tracker, prober, reachability, logger, clock: systemClock, random: Math.random }
  const auditor: Auditor = makeAuditor(
    { ...own, ...context },
    { intervalMs: options.auditIntervalMs, probeDelayMostMs, allowLoopback },
  )
  const foreign: ForeignMirrors = makeForeign(
    { dataDir: folder.files.folder, tracker, ...context },
    { announceMs: intervalMs, requireClients, allowLoopback },
  )
  const offer = new PackageOffer(readPackage(options.packageFile))
  const shown = { offer, historyFile: folder.files.dashboard }
  const dashboard: Dashboard = makeDashboard(context, store, publisher, shown)
  const seeding = makeSeeding(context)
  const parts = {
    ...{ context, authority, publisher, tokens, clients, tracker, heads, metrics, resolver },
    enrolment: makeEnrolment(folder, store, logger, { prober, stopping }, options),
    ...{ reachability, clock: systemClock, allowLoopback, upstream, pathIndex, dashboard },
    ...{ stock: makeStock(store, options, logger, seeding), audience: options, offer },
    ranges: makeRanges(context, folder.files.folder),
  }
  const built: BuiltOrigin = buildOrigin(parts, front, options)
  return { ...parts, accessLog, selection, auditor, foreign, prober, front, seeding, ...built }
}
