// Who downloads which torrent, and who could give it: what peers are handed out from. A torrent is
// on the board while somebody downloads it. Its version changes when the peers or shares that one
// would be told change, which is when a waiting downloader has to hear of it.

import type { Random } from '../../core/clock.ts'
import type { ContentNumber, InfoHash, VolunteerName } from '../../core/ids.ts'
import type { Holdings } from '../holdings.ts'
import type { PeerAddress, TorrentPeers } from '../messages.ts'
import { choosePeers, type HandoutPeer, shareOf } from './peer-handout.ts'

/** A volunteer as a peer; absent from the board while it is offline or quarantined. */
export interface BoardPeer {
  readonly name: VolunteerName
  /** Where it takes connections; null: nowhere, it only connects to others. */
  readonly address: PeerAddress | null
  readonly reachable: boolean
  /** Whether it wants to give what it holds (a draining one does not). */
  readonly gives: boolean
  readonly downloads: readonly InfoHash[]
  readonly contents: Holdings | null
  /** Changes when `contents` may have lost something. */
  readonly losses: number
}

/** Members up to `next` are known to be held, as long as nothing was lost. */
interface Cursor {
  readonly contents: Holdings
  readonly losses: number
  next: number
}

interface BoardTorrent {
  readonly members: readonly ContentNumber[]
  readonly downloaders: Set<VolunteerName>
  readonly cursors: Map<VolunteerName, Cursor>
  fingerprint: string
  version: number
}

/** FNV-1a: equal sets of addresses have equal sums of these. */
const hashText = (text: string): number => {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return hash >>> 0
}

export class TorrentBoard {
  readonly #members: (infoHash: InfoHash) => readonly ContentNumber[] | null
  readonly #torrents = new Map<InfoHash, BoardTorrent>()
  readonly #peers = new Map<VolunteerName, BoardPeer>()
  readonly #hashes = new Map<VolunteerName, number>()
  #versions = 0

  /** `members`: the contents of one of the origin's torrents, null for a torrent of others. */
  constructor(members: (infoHash: InfoHash) => readonly ContentNumber[] | null) {
    this.#members = members
  }

  /** Torrents that somebody downloads. */
  get size(): number {
    return this.#torrents.size
  }

  /** Downloads that are under way, and torrents that nobody but the origin has wholly. */
  health(): { readonly downloads: number; readonly unseeded: number } {
    let downloads = 0
    let unseeded = 0
    const peers = [...this.#peers.values()]
    for (const torrent of this.#torrents.values()) {
      downloads += torrent.downloaders.size
      if (!peers.some(peer => peer.address !== null && this.#gives(torrent, peer))) unseeded++
    }
    return { downloads, unseeded }
  }

  /** Put a peer on the board, or replace what was known of it. */
  update(peer: BoardPeer): void {
    const before = this.#peers.get(peer.name)
    this.#peers.set(peer.name, peer)
    const { address } = peer
    this.#hashes.set(peer.name, hashText(`${peer.name} ${address?.host} ${address?.port}`))
    for (const infoHash of before?.downloads ?? []) {
      if (!peer.downloads.includes(infoHash)) this.#leave(infoHash, peer.name)
    }
    for (const infoHash of peer.downloads) this.#join(infoHash, peer.name)
  }

  remove(name: VolunteerName): void {
    const peer = this.#peers.get(name)
    if (peer === undefined) return
    for (const infoHash of peer.downloads) this.#leave(infoHash, name)
    for (const torrent of this.#torrents.values()) torrent.cursors.delete(name)
    this.#peers.delete(name)
    this.#hashes.delete(name)
  }

  /** Renew the version of a torrent if what would be told of it has changed. */
  refresh(infoHash: InfoHash): void {
    const torrent = this.#torrents.get(infoHash)
    if (torrent === undefined) return
    let sum = 0
    let count = 0
    for (const peer of this.#peers.values()) {
      if (peer.address === null) continue
      if (!torrent.downloaders.has(peer.name) && !this.#gives(torrent, peer)) continue
      sum += this.#hashes.get(peer.name) ?? 0
      count++
    }
    let shares = 0
    for (const name of torrent.downloaders) shares += this.#hashes.get(name) ?? 0
    const fingerprint = `${count} ${sum} ${torrent.downloaders.size} ${shares}`
    if (fingerprint === torrent.fingerprint) return
    torrent.fingerprint = fingerprint
    torrent.version = ++this.#versions
  }

  refreshAll(): void {
    for (const infoHash of this.#torrents.keys()) this.refresh(infoHash)
  }

  /**
   * A number that changes with the newest change in any torrent the volunteer downloads. Versions
   * grow over all torrents together, so the greatest one tells.
   */
  newsFor(name: VolunteerName): number {
    let newest = 0
    for (const infoHash of this.#peers.get(name)?.downloads ?? []) {
      newest = Math.max(newest, this.#torrents.get(infoHash)?.version ?? 0)
    }
    return newest
  }

  /** What the volunteer is told of each torrent that it downloads and that is the origin's. */
  handOut(name: VolunteerName, random: Random): TorrentPeers[] {
    const answers: TorrentPeers[] = []
    for (const infoHash of this.#peers.get(name)?.downloads ?? []) {
      const torrent = this.#torrents.get(infoHash)
      if (torrent === undefined) continue
      const peers: HandoutPeer[] = []
      for (const peer of this.#peers.values()) {
        const { address, reachable } = peer
        if (address === null) continue
        const finished = this.#gives(torrent, peer)
        if (finished || torrent.downloaders.has(peer.name)) {
          peers.push({ address, finished, reachable })
        }
      }
      answers.push({
        infoHash,
        peers: choosePeers(name, peers, random),
        share: shareOf(name, [...torrent.downloaders]),
      })
    }
    return answers
  }

  /** Whether the peer holds every member and gives. Each member is looked at about once. */
  #gives(torrent: BoardTorrent, peer: BoardPeer): boolean {
    const { contents, losses } = peer
    if (!peer.gives || contents === null) return false
    let cursor = torrent.cursors.get(peer.name)
    if (cursor === undefined || cursor.contents !== contents || cursor.losses !== losses) {
      cursor = { contents, losses, next: 0 }
      torrent.cursors.set(peer.name, cursor)
    }
    const { members } = torrent
    while (cursor.next < members.length && contents.has(members[cursor.next] as number)) {
      cursor.next++
    }
    return cursor.next === members.length
  }

  #join(infoHash: InfoHash, name: VolunteerName): void {
    let torrent = this.#torrents.get(infoHash)
    if (torrent === undefined) {
      const members = this.#members(infoHash)
      if (members === null) return
      torrent = {
        members,
        downloaders: new Set(),
        cursors: new Map(),
        fingerprint: '',
        version: 0,
      }
      this.#torrents.set(infoHash, torrent)
    }
    if (torrent.downloaders.has(name)) return
    torrent.downloaders.add(name)
    this.refresh(infoHash)
  }

  #leave(infoHash: InfoHash, name: VolunteerName): void {
    const torrent = this.#torrents.get(infoHash)
    torrent?.downloaders.delete(name)
    if (torrent?.downloaders.size === 0) this.#torrents.delete(infoHash)
  }
}
