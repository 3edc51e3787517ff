// Whom a volunteer asks for chunk hashes of a content that it lacks: others that hold all of it, as
// the tracker says, and the origin last. One that failed is left alone for a while.

import type { Clock, Random } from '../core/clock.ts'
import { hashNeighbours, neighbourPauseMs } from '../core/delta-limits.ts'
import { isMirrorswarmError, MirrorswarmError } from '../core/errors.ts'
import type { ContentNumber, InfoHash, VolunteerName } from '../core/ids.ts'
import { announcedTorrents, volunteers } from '../core/limits.ts'
import type { Content } from '../manifest/model.ts'
import type { ManifestReader } from '../manifest/store/reader.ts'
import type { RangesSource } from '../prsync/ranges-client.ts'
import type { TorrentPeers } from '../tracker/messages.ts'
import type { Roster } from '../tracker/roster.ts'

export interface PrefillSourcesParts {
  readonly roster: Pick<Roster, 'urlOf'>
  readonly reader: Pick<ManifestReader, 'bundleByInfoHash'>
  /** Ask a volunteer at its public URL. */
  readonly post: (
    whom: { readonly url: string; readonly recipient: VolunteerName },
    body: Uint8Array,
    signal: AbortSignal,
  ) => Promise<AsyncIterable<Uint8Array>>
  readonly origin: RangesSource
  readonly clock: Clock
  readonly random: Random
}

interface Holders {
  readonly members: ReadonlySet<ContentNumber>
  readonly names: readonly VolunteerName[]
}

export class PrefillSources {
  readonly #parts: PrefillSourcesParts
  readonly #torrents = new Map<InfoHash, Holders>()
  readonly #pausedUntilMs = new Map<VolunteerName, number>()

  constructor(parts: PrefillSourcesParts) {
    this.#parts = parts
  }

  /** What the tracker says about peers of torrents that are being downloaded. */
  update(torrents: readonly TorrentPeers[]): void {
    for (const torrent of torrents) {
      const infoHash = torrent.infoHash
      const names = torrent.peers
        .filter(({ complete }) => complete === true)
        .map(({ name }) => name)
      const known = this.#torrents.get(infoHash)
      this.#torrents.delete(infoHash)
      if (names.length === 0) continue
      const members = known?.members ?? this.#members(infoHash)
      this.#torrents.set(infoHash, { members, names })
      const [oldest] = this.#torrents.keys()
      if (this.#torrents.size > announcedTorrents && oldest !== undefined) {
        this.#torrents.delete(oldest)
      }
    }
  }

  #members(infoHash: InfoHash): ReadonlySet<ContentNumber> {
    return new Set(this.#parts.reader.bundleByInfoHash(infoHash)?.members ?? [])
  }

  /** In the order of asking. */
  of(content: Content): RangesSource[] {
    const { clock, random, roster, origin } = this.#parts
    const nowMs = clock.nowMs()
    const names = new Set<VolunteerName>()
    for (const torrent of this.#torrents.values()) {
      if (torrent.members.has(content.number)) for (const name of torrent.names) names.add(name)
    }
    const able = [...names].filter(
      name => roster.urlOf(name) !== null && (this.#pausedUntilMs.get(name) ?? 0) <= nowMs,
    )
    const start = Math.floor(random() * able.length)
    const chosen = [...able.slice(start), ...able.slice(0, start)].slice(0, hashNeighbours)
    return [...chosen.map(name => this.#neighbour(name)), origin]
  }

  #neighbour(name: VolunteerName): RangesSource {
    const { roster, post } = this.#parts
    return {
      name,
      send: async (body, signal) => {
        const url = roster.urlOf(name)
        if (url === null) throw new MirrorswarmError('MS_CONTENT_NOT_HELD', `${name} is gone`)
        try {
          return await post({ url, recipient: name }, body, signal)
        } catch (error) {
          const isOurs = signal.aborted && !isMirrorswarmError(signal.reason)
          // An older one does not understand all that may be asked: it is asked for the rest.
          const isRefused =
            isMirrorswarmError(error, 'MS_CONTENT_NOT_HELD') ||
            isMirrorswarmError(error, 'MS_REQUEST_INVALID')
          if (!isOurs && !isRefused) this.#pause(name)
          throw error
        }
      },
    }
  }

  #pause(name: VolunteerName): void {
    this.#pausedUntilMs.delete(name)
    this.#pausedUntilMs.set(name, this.#parts.clock.nowMs() + neighbourPauseMs)
    const [oldest] = this.#pausedUntilMs.keys()
    if (this.#pausedUntilMs.size > volunteers && oldest !== undefined) {
      this.#pausedUntilMs.delete(oldest)
    }
  }
}
