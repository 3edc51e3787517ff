// The origin's torrents as stock BitTorrent clients ask for them: found by info-hash when somebody asks,
// read through the content source, which never vouches for a moving file. Few are remembered, and
// few files are open, however many torrents there are. Knows no connections.

import { LRUCache } from 'lru-cache'
import { isMirrorswarmError, MirrorswarmError } from '../core/errors.ts'
import { type InfoHash, isInfoHash, type Sha256 } from '../core/ids.ts'
import { idleFileMs } from '../core/limits.ts'
import {
  seedFiles,
  seedTorrentMemberBytes,
  seedTorrentMembers,
  seedTorrentMs,
  seedTorrents,
} from '../core/stock-limits.ts'
import { pieceLengthFor } from '../manifest/logic/piece-length.ts'
import type { Bundle, Content } from '../manifest/model.ts'
import type { ManifestReader } from '../manifest/store/reader.ts'
import { FileHandles } from '../prsync/file-handles.ts'
import { type Layout, layoutOf, placeOf } from '../prsync/logic/layout.ts'
import type { ContentSource, OpenContent } from '../prsync/ranges-answer.ts'
import type { TorrentIndex } from './torrent-index.ts'

export interface SeedTorrent {
  readonly layout: Layout
  readonly members: readonly { readonly sha256: Sha256; readonly sizeBytes: number }[]
  /** Members whose files are not what was hashed any more, as far as somebody has asked. */
  readonly gone: Set<number>
  /** The bencoded info dictionary, for clients with a magnet link; null: they cannot be served. */
  readonly info: Uint8Array | null
}

export interface SeedTorrentsParts {
  readonly reader: Pick<ManifestReader, 'bundleByInfoHash' | 'contentByNumber'>
  readonly torrents: Pick<TorrentIndex, 'find'>
  readonly contents: ContentSource
  /** The info dictionary of a torrent that has this file alone, if it can be found. */
  readonly infoOf?: (infoHash: InfoHash, content: Content) => Uint8Array | null
}

/** Errors after which other paths of the content may still have it. */
const changedCodes = ['MS_FILE_CHANGED', 'MS_CONTENT_NOT_HELD'] as const

const isChanged = (error: unknown): boolean =>
  changedCodes.some(code => isMirrorswarmError(error, code))

const makeTorrent = (
  pieceLengthBytes: number,
  members: readonly Content[],
  info: Uint8Array | null = null,
): SeedTorrent => {
  const sizes = members.map(({ sizeBytes }) => sizeBytes)
  return { layout: layoutOf(pieceLengthBytes, sizes), members, gone: new Set(), info }
}

export class SeedTorrents {
  readonly #parts: SeedTorrentsParts
  readonly #known = new LRUCache<string, SeedTorrent>({
    max: seedTorrents,
    maxSize: seedTorrentMembers,
    sizeCalculation: ({ members, info }) =>
      members.length + Math.ceil((info?.length ?? 0) / seedTorrentMemberBytes),
    ttl: seedTorrentMs,
  })
  readonly #files = new FileHandles<OpenContent>(seedFiles)

  constructor(parts: SeedTorrentsParts) {
    this.#parts = parts
  }

  /** Files open now. */
  get openFiles(): number {
    return this.#files.size
  }

  /** A torrent that the origin made; null for any other. */
  find(infoHash: string): SeedTorrent | null {
    if (!isInfoHash(infoHash)) return null
    const known = this.#known.get(infoHash)
    if (known !== undefined) return known
    const bundle = this.#parts.reader.bundleByInfoHash(infoHash)
    const found = bundle === null ? this.#single(infoHash) : this.#ofBundle(bundle)
    if (found !== null) this.#known.set(infoHash, found)
    return found
  }

  /** May the pieces of this torrent be promised, as far as is known? */
  has({ layout, gone }: SeedTorrent, index: number): boolean {
    if (index < 0 || index >= layout.pieceCount) return false
    return !gone.has(placeOf(layout, index).member)
  }

  /**
   * Exactly these bytes of a piece, with zeros for what lies behind its member's end. Throws
   * MS_CONTENT_NOT_HELD or MS_FILE_CHANGED, after which the member counts as gone.
   */
  async read(
    torrent: SeedTorrent,
    index: number,
    offset: number,
    length: number,
  ): Promise<Uint8Array> {
    const place = placeOf(torrent.layout, index)
    const member = torrent.members[place.member]
    const there = Math.max(0, Math.min(length, place.lengthBytes - offset))
    if (member === undefined || there === 0) return Buffer.alloc(length)
    try {
      const bytes = await this.#readMember(member.sha256, place.offset + offset, there)
      return there === length ? bytes : Buffer.concat([bytes], length)
    } catch (error) {
      if (isChanged(error)) torrent.gone.add(place.member)
      throw error
    }
  }

  /** Close what nobody has read for a while. */
  closeIdle(): Promise<void> {
    return this.#files.closeIdle(idleFileMs)
  }

  async stop(): Promise<void> {
    await this.#files.stop()
  }

  async #readMember(sha256: Sha256, offset: number, length: number): Promise<Buffer> {
    const open = async (): Promise<OpenContent> => {
      const content = await this.#parts.contents.open(sha256)
      if (content !== null) return content
      throw new MirrorswarmError('MS_CONTENT_NOT_HELD', `no file is ${sha256} any more`)
    }
    const read = (): Promise<Buffer> =>
      this.#files.use(sha256, open, content => content.read(offset, length))
    try {
      return await read()
    } catch (error) {
      await this.#files.forget(sha256)
      if (!isMirrorswarmError(error, 'MS_FILE_CHANGED')) throw error
      // Another path may have it, or it was renamed, which the open file cannot tell from a change.
      return await read()
    }
  }

  #single(infoHash: InfoHash): SeedTorrent | null {
    const number = this.#parts.torrents.find(infoHash)
    const content = number === null ? null : this.#parts.reader.contentByNumber(number)
    if (content === null || content.sizeBytes === 0) return null
    const info = this.#parts.infoOf?.(infoHash, content) ?? null
    return makeTorrent(pieceLengthFor(content.sizeBytes), [content], info)
  }

  #ofBundle({ infoHash, pieceLengthBytes, members }: Bundle): SeedTorrent | null {
    const contents: Content[] = []
    for (const number of members) {
      const content = this.#parts.reader.contentByNumber(number)
      if (content === null || content.sizeBytes === 0) return null
      contents.push(content)
    }
    // Magnet links name files, so only a large file's own torrent is asked for by one.
    const [only] = contents
    const isFile = only !== undefined && contents.length === 1
    const info = isFile ? (this.#parts.infoOf?.(infoHash, only) ?? null) : null
    return makeTorrent(pieceLengthBytes, contents, info)
  }
}
