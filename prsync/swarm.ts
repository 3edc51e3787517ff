// The swarm of one volunteer: downloads bundles from the origin and other volunteers, and serves them
// what this one holds. It knows contents and bundles, not paths, and leaves placing to its owner.

import { join } from 'node:path'
import { type Clock, type Random, systemClock } from '../core/clock.ts'
import { describeError, MirrorswarmError } from '../core/errors.ts'
import type { ContentNumber, InfoHash, Sha256 } from '../core/ids.ts'
import {
  concurrentBundleLoads,
  idleFileMs,
  idleSwarmTickMs,
  idleTorrentMs,
  openTorrents,
  originRequests,
  peersPerHandout,
  swarmTickMs,
} from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import type { RateLimiter } from '../core/rate-limiter.ts'
import { Bans } from './bans.ts'
import { BufferPool } from './buffer-pool.ts'
import type { LoadedBundle } from './bundle.ts'
import { Connections, type PeerAddress } from './connections.ts'
import { Download, type MemberHandler } from './download.ts'
import { FileHandles } from './file-handles.ts'
import { HeldFiles, type PieceSource } from './held-files.ts'
import { Intake } from './logic/intake.ts'
import type { Share } from './logic/origin-offer.ts'
import { type OriginFetch, OriginGate } from './origin-gate.ts'
import { OriginRuns, type OriginRunsFetch, runsByRanges } from './origin-runs.ts'
import { type PartialFile, PartialFiles } from './partial-files.ts'
import type { PeerIdentity, PeerRoster } from './peer-identity.ts'
import { type Prefill, Prefills } from './prefills.ts'
import { SwarmClient } from './swarm-client.ts'
import { SwarmTorrent } from './swarm-torrent.ts'

export interface SwarmParts {
  readonly source: PieceSource
  readonly originFetch: OriginFetch
  /** Exact runs of many contents in one request; without it each run is a request of its own. */
  readonly originRuns?: OriginRunsFetch
  /** Looks for local bytes of each missing member before it is fetched. */
  readonly prefill?: Prefill
  readonly logger: Logger
  /** Who this volunteer is to others, and who they are. */
  readonly identity: PeerIdentity
  readonly roster: PeerRoster
  readonly uploadLimiter: RateLimiter
  readonly downloadLimiter: RateLimiter
  /** The bundle that a peer asks for and what of it is held; null when it is unknown. */
  readonly loadBundle: (infoHash: InfoHash) => Promise<LoadedBundle | null>
  readonly clock?: Clock
  readonly random?: Random
}

export interface SwarmOptions {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  readonly dataDir: string
}

export interface TorrentProgress {
  readonly infoHash: InfoHash
  readonly pieces: number
  readonly have: number
  readonly peers: number
  readonly downloading: boolean
}

export interface SwarmCounters {
  /** Blocks from peers and bytes from the origin. */
  readonly downloadedBytes: number
  readonly uploadedBytes: number
  readonly originBytes: number
}

interface Handout {
  readonly peers: readonly PeerAddress[]
  readonly share: Share
}

export class Swarm {
  readonly #parts: SwarmParts
  readonly #options: SwarmOptions
  readonly #handles = new FileHandles()
  readonly #held: HeldFiles
  readonly #partials: PartialFiles
  readonly #gate: OriginGate
  readonly #originRuns: OriginRuns
  readonly #prefills: Prefills | null
  readonly #connections: Connections
  readonly #bans = new Bans()
  readonly #pool = new BufferPool()
  readonly #torrents = new Map<InfoHash, SwarmTorrent>()
  readonly #loading = new Map<InfoHash, Promise<SwarmTorrent | null>>()
  readonly #downloads = new Map<InfoHash, Download>()
  readonly #handouts = new Map<InfoHash, Handout>()
  readonly #running = new Set<Promise<void>>()
  readonly #stopped = new AbortController()
  readonly #unwritten = { bytes: 0 }
  readonly #intake: Intake
  readonly #clock: Clock
  #client: SwarmClient | undefined
  #timer: NodeJS.Timeout | undefined
  #peerBytes = 0
  #uploadedBytes = 0

  constructor(parts: SwarmParts, options: SwarmOptions) {
    this.#parts = parts
    this.#options = options
    this.#clock = parts.clock ?? systemClock
    this.#intake = new Intake(this.#clock.monotonicMs())
    this.#held = new HeldFiles(parts.source, this.#handles, this.#clock)
    this.#partials = new PartialFiles(join(options.dataDir, 'partial'), this.#handles)
    this.#connections = new Connections({
      ...{ identity: parts.identity, roster: parts.roster, logger: parts.logger },
      isBanned: name => this.#bans.has(name),
    })
    this.#gate = new OriginGate({
      fetch: parts.originFetch,
      downloadLimiter: parts.downloadLimiter,
      clock: this.#clock,
      random: parts.random ?? Math.random,
      onFree: () => {
        for (const infoHash of this.#downloads.keys()) this.#torrents.get(infoHash)?.feedOrigin()
      },
    })
    this.#originRuns = new OriginRuns({
      fetch: parts.originRuns ?? runsByRanges(parts.originFetch, parts.downloadLimiter),
      gate: this.#gate,
    })
    this.#prefills =
      parts.prefill === undefined
        ? null
        : new Prefills({ ...parts, prefill: parts.prefill, target: this.#partials })
  }

  /** Resolves when peers can connect; rejects when the port cannot be had. */
  async start(): Promise<{ port: number }> {
    await this.#partials.start()
    const { downloadLimiter, logger } = this.#parts
    const torrentFor = (infoHash: InfoHash): Promise<SwarmTorrent | null> =>
      this.#torrentForPeer(infoHash)
    const connections = this.#connections
    const client = new SwarmClient(
      { connections, downloadLimiter, logger, torrentFor },
      this.#options,
    )
    const port = await client.listen()
    this.#client = client
    this.#schedule()
    return { port }
  }

  /** Ends downloads (they reject), connections and files; what is partly there stays for later. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#stopped.abort(new MirrorswarmError('MS_REMOTE_UNREACHABLE', 'the swarm has stopped'))
    await Promise.allSettled([...this.#running, ...this.#loading.values()])
    clearTimeout(this.#timer)
    this.#connections.stop()
    await this.#client?.stop()
    await this.#handles.stop()
  }

  /** Files that are open now for the swarm. */
  get openFiles(): number {
    return this.#handles.size
  }

  get openTorrents(): number {
    return this.#torrents.size
  }

  /**
   * Download the wanted members of a bundle. Resolves when each was handed over (those held already
   * count as handed over). Rejects with the signal's reason, MS_DISK_FULL, or an error of `onMember`.
   * A dead origin or absent peers are waited for. One download of a bundle at a time.
   */
  async download(
    bundle: LoadedBundle,
    wanted: readonly ContentNumber[],
    options: { readonly signal: AbortSignal; readonly onMember: MemberHandler },
  ): Promise<void> {
    const { infoHash } = bundle
    if (this.#downloads.has(infoHash)) {
      throw new MirrorswarmError('MS_INTERNAL', `bundle ${infoHash} is being downloaded already`)
    }
    const signal = AbortSignal.any([options.signal, this.#stopped.signal])
    signal.throwIfAborted()
    const torrent = this.#open(bundle)
    // An open torrent may still count on a file that is gone from the mirror.
    for (const [position, { number }] of bundle.members.entries()) {
      const lost = !bundle.held.has(number) && torrent.content.holds(position)
      if (lost && wanted.includes(number)) torrent.setMissing(position)
    }
    const download = new Download({
      torrent,
      partials: this.#partials,
      prefills: this.#prefills,
      onMember: options.onMember,
      signal,
    })
    this.#downloads.set(infoHash, download)
    const handout = this.#handouts.get(infoHash)
    if (handout !== undefined) torrent.setPeers(handout.peers, handout.share)
    torrent.expect(new Set(wanted))
    this.#schedule()
    const running = download.run(wanted).finally(() => {
      this.#downloads.delete(infoHash)
      this.#handouts.delete(infoHash)
      this.#running.delete(running)
      torrent.setPeers([], null)
    })
    this.#running.add(running)
    await running
  }

  /** What the tracker says about a torrent: others to connect to, and one's share of its pieces. */
  updatePeers(infoHash: InfoHash, peers: readonly PeerAddress[], share: Share): void {
    const usable = peers.filter(({ port }) => Number.isInteger(port) && port > 0 && port < 65_536)
    const { index, count } = share
    const sensible =
      Number.isInteger(index) && Number.isInteger(count) && 0 <= index && index < count
    const handout = {
      peers: usable.slice(0, peersPerHandout),
      share: sensible ? share : { index: 0, count: 1 },
    }
    this.#handouts.delete(infoHash)
    this.#handouts.set(infoHash, handout)
    const [oldest] = this.#handouts.keys()
    if (this.#handouts.size > openTorrents && oldest !== undefined) this.#handouts.delete(oldest)
    if (this.#downloads.has(infoHash)) {
      this.#torrents.get(infoHash)?.setPeers(handout.peers, handout.share)
    }
  }

  /** All torrents that are open: being downloaded, or recently asked for by peers. */
  progress(): TorrentProgress[] {
    return [...this.#torrents.values()].map(torrent => ({
      infoHash: torrent.bundle.infoHash,
      pieces: torrent.bundle.layout.pieceCount,
      have: torrent.havePieces,
      peers: torrent.peerCount,
      downloading: this.#downloads.has(torrent.bundle.infoHash),
    }))
  }

  /** Bytes of contents (no protocol overhead) since the start. */
  counters(): SwarmCounters {
    const originBytes = this.#gate.receivedBytes
    return {
      downloadedBytes: this.#peerBytes + originBytes,
      uploadedBytes: this.#uploadedBytes,
      originBytes,
    }
  }

  /** Contents of which something was downloaded but not all. */
  async listPartials(): Promise<PartialFile[]> {
    return this.#partials.list()
  }

  /** May something of a content have been downloaded? False is certain. */
  mayHavePartial(sha256: Sha256): boolean {
    return this.#partials.mayHave(sha256)
  }

  /** Remove what there is of a content; false while it is being downloaded. */
  async dropPartial(sha256: Sha256): Promise<boolean> {
    for (const [infoHash, download] of this.#downloads) {
      const members = this.#torrents.get(infoHash)?.bundle.members ?? []
      if (members.some(member => member.sha256 === sha256 && download.concerns(member)))
        return false
    }
    for (const torrent of this.#torrents.values()) {
      const position = torrent.bundle.members.findIndex(member => member.sha256 === sha256)
      if (position >= 0 && !torrent.content.holds(position)) torrent.setMissing(position)
    }
    await this.#partials.drop(sha256)
    return true
  }

  /** The open torrent of a bundle, brought up to date with what is held now. */
  #open(bundle: LoadedBundle): SwarmTorrent {
    const open = this.#torrents.get(bundle.infoHash)
    if (open !== undefined) {
      bundle.members.forEach((member, position) => {
        if (bundle.held.has(member.number)) open.setHeld(position)
      })
      return open
    }
    if (this.#client === undefined) throw new MirrorswarmError('MS_INTERNAL', 'not started')
    this.#makeRoom()
    const torrent = new SwarmTorrent({
      client: this.#client,
      bundle,
      held: this.#held,
      partials: this.#partials,
      gate: this.#gate,
      originRuns: this.#originRuns,
      pool: this.#pool,
      unwritten: this.#unwritten,
      intake: this.#intake,
      connections: this.#connections,
      bans: this.#bans,
      uploadLimiter: this.#parts.uploadLimiter,
      clock: this.#clock,
      random: this.#parts.random ?? Math.random,
      logger: this.#parts.logger,
      originSlots: () =>
        Math.max(2, Math.floor(originRequests / Math.max(1, this.#downloads.size))),
      onDownloaded: bytes => {
        this.#peerBytes += bytes
      },
      onUploaded: bytes => {
        this.#uploadedBytes += bytes
      },
    })
    torrent.once('close', () => {
      if (this.#torrents.get(bundle.infoHash) === torrent) this.#torrents.delete(bundle.infoHash)
    })
    this.#torrents.set(bundle.infoHash, torrent)
    torrent.start()
    return torrent
  }

  /** Close the torrent that nobody has used for longest, if there are too many. */
  #makeRoom(): void {
    if (this.#torrents.size < openTorrents) return
    let oldest: SwarmTorrent | undefined
    for (const torrent of this.#torrents.values()) {
      if (this.#downloads.has(torrent.bundle.infoHash)) continue
      if (oldest === undefined || torrent.usedMs < oldest.usedMs) oldest = torrent
    }
    oldest?.destroy()
  }

  #torrentForPeer(infoHash: InfoHash): Promise<SwarmTorrent | null> {
    const open = this.#torrents.get(infoHash)
    if (open !== undefined) return Promise.resolve(open)
    const known = this.#loading.get(infoHash)
    if (known !== undefined) return known
    if (this.#loading.size >= concurrentBundleLoads) return Promise.resolve(null)
    const loading = this.#load(infoHash).finally(() => this.#loading.delete(infoHash))
    this.#loading.set(infoHash, loading)
    return loading
  }

  async #load(infoHash: InfoHash): Promise<SwarmTorrent | null> {
    const bundle = await this.#parts.loadBundle(infoHash)
    if (bundle === null || this.#stopped.signal.aborted) return null
    return this.#torrents.get(infoHash) ?? this.#open(bundle)
  }

  /** Look after everything, often while something is downloaded, seldom otherwise. */
  #schedule(): void {
    clearTimeout(this.#timer)
    if (this.#stopped.signal.aborted) return
    this.#timer = setTimeout(
      () => {
        this.#tick()
        this.#schedule()
      },
      this.#downloads.size > 0 ? swarmTickMs : idleSwarmTickMs,
    )
    this.#timer.unref()
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs()
    this.#intake.look(nowMs)
    void this.#handles.closeIdle(idleFileMs).catch(error => {
      const reason = describeError(error)
      this.#parts.logger.warn({ reason }, 'a file could not be closed')
    })
    if (this.#torrents.size === 0) this.#pool.clear()
    for (const torrent of [...this.#torrents.values()]) {
      torrent.tick()
      const idle = !this.#downloads.has(torrent.bundle.infoHash) && torrent.peerCount === 0
      if (idle && nowMs - torrent.usedMs >= idleTorrentMs) torrent.destroy()
    }
  }
}
