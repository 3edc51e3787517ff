// Owns the swarm while it may run: it is stopped outside the owner's hours and begun anew after
// them, on the same port, and its counters go on.

import { MirrorswarmError } from '../core/errors.ts'
import type { InfoHash, Sha256 } from '../core/ids.ts'
import { Swarm, type SwarmCounters, type SwarmOptions, type SwarmParts } from '../prsync/swarm.ts'
import type { TorrentPeers, TorrentProgress } from '../tracker/messages.ts'

const nothing: SwarmCounters = { downloadedBytes: 0, uploadedBytes: 0, originBytes: 0 }

const sum = (one: SwarmCounters, other: SwarmCounters): SwarmCounters => ({
  downloadedBytes: one.downloadedBytes + other.downloadedBytes,
  uploadedBytes: one.uploadedBytes + other.uploadedBytes,
  originBytes: one.originBytes + other.originBytes,
})

export class SwarmHost {
  readonly #parts: SwarmParts
  readonly #options: SwarmOptions
  #swarm: Swarm | null = null
  #port: number | null = null
  #before = nothing

  constructor(parts: SwarmParts, options: SwarmOptions) {
    this.#parts = parts
    this.#options = options
  }

  /** Where peers connect; null while it does not run. */
  get port(): number | null {
    return this.#swarm === null ? null : this.#port
  }

  /** Throws MS_REMOTE_UNREACHABLE while it does not run. */
  get swarm(): Swarm {
    if (this.#swarm !== null) return this.#swarm
    throw new MirrorswarmError('MS_REMOTE_UNREACHABLE', 'the swarm does not run now')
  }

  async start(): Promise<void> {
    if (this.#swarm !== null) return
    const port = this.#port ?? this.#options.port
    const swarm = new Swarm(this.#parts, { ...this.#options, port })
    try {
      this.#port = (await swarm.start()).port
    } catch (error) {
      await swarm.stop()
      throw new MirrorswarmError('MS_CONFIG_INVALID', `cannot take peers on port ${port}`, {
        cause: error,
      })
    }
    this.#swarm = swarm
  }

  async stop(): Promise<void> {
    const swarm = this.#swarm
    if (swarm === null) return
    this.#swarm = null
    await swarm.stop()
    this.#before = sum(this.#before, swarm.counters())
  }

  counters(): SwarmCounters {
    return this.#swarm === null ? this.#before : sum(this.#before, this.#swarm.counters())
  }

  /** Torrents that are being downloaded. */
  downloads(): TorrentProgress[] {
    return (this.#swarm?.progress() ?? [])
      .filter(torrent => torrent.downloading)
      .map(({ infoHash, pieces, have }) => ({ infoHash, pieces, have }))
  }

  /** May there be an unfinished transfer of a content? False is certain. */
  mayHavePartial(sha256: Sha256): boolean {
    return this.#swarm?.mayHavePartial(sha256) ?? true
  }

  /** Remove unfinished transfers of contents that are not missing (any more). */
  async tidy(isMissing: (sha256: Sha256) => boolean): Promise<void> {
    const swarm = this.#swarm
    if (swarm === null) return
    for (const { sha256 } of await swarm.listPartials()) {
      if (!isMissing(sha256)) await swarm.dropPartial(sha256)
    }
  }

  /** What the tracker says about peers. */
  updatePeers(torrents: readonly TorrentPeers[]): void {
    for (const { infoHash, peers, share } of torrents) {
      this.#swarm?.updatePeers(infoHash as InfoHash, peers, share)
    }
  }
}
