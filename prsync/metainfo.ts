// Metainfo files (BEP 3, version 1), with padding between members (BEP 47) so that each begins at a
// piece boundary and stock clients can still read them; and magnet links (BEP 9).

import { createHash } from 'node:crypto'
import bencode from 'bencode'
import { MirrorswarmError } from '../core/errors.ts'
import type { InfoHash, RepoPath, Sha256 } from '../core/ids.ts'
import { displayPath, pathToBytes } from '../core/repo-path.ts'
import { piecesFor } from './logic/layout.ts'

export interface HashedContent {
  readonly sha256: Sha256
  readonly sizeBytes: number
  /** SHA-1 of each piece, 20 bytes each, the last hashed with zeros up to the full length. */
  readonly pieces: Uint8Array
  /** SHA-1 of the last piece without the zeros. */
  readonly lastPiece: Uint8Array
}

export interface MadeMetainfo {
  readonly metainfo: Buffer
  readonly infoHash: InfoHash
  /** The bencoded info dictionary, whose hash that is. */
  readonly info: Buffer
}

/** Trackers and web seeds (BEP 19) that a metainfo names; they are not part of its info-hash. */
export interface MetainfoSources {
  readonly announce?: readonly string[]
  readonly webSeeds?: readonly string[]
}

const finish = (info: object, sources: MetainfoSources = {}): MadeMetainfo => {
  const { announce = [], webSeeds = [] } = sources
  const encoded = Buffer.from(bencode.encode(info))
  const infoHash = createHash('sha1').update(encoded).digest('hex') as InfoHash
  const metainfo = bencode.encode({
    ...(announce.length > 0 ? { announce: announce[0] } : {}),
    ...(announce.length > 1 ? { 'announce-list': announce.map(url => [url]) } : {}),
    info,
    ...(webSeeds.length > 0 ? { 'url-list': [...webSeeds] } : {}),
  })
  return { metainfo: Buffer.from(metainfo), infoHash, info: encoded }
}

/** The hashes of a content that ends a torrent: its last piece is hashed as it is. */
const finalPieces = (content: HashedContent): Buffer =>
  Buffer.concat([content.pieces.subarray(0, -20), content.lastPiece])

const checkPieces = (content: HashedContent, pieceLengthBytes: number): void => {
  const expected = piecesFor(content.sizeBytes, pieceLengthBytes) * 20
  if (content.pieces.length !== expected || (expected > 0 && content.lastPiece.length !== 20)) {
    throw new MirrorswarmError('MS_INTERNAL', `piece hashes of ${content.sha256} do not fit`)
  }
}

/**
 * The metainfo of one file. `name` is its base name in canonical percent-encoding. An empty file
 * gives a torrent without pieces, which most clients refuse: better not to offer it.
 */
export const singleFileMetainfo = (
  file: HashedContent & {
    readonly name: string
    readonly pieceLengthBytes: number
  } & MetainfoSources,
): MadeMetainfo => {
  checkPieces(file, file.pieceLengthBytes)
  const info = {
    length: file.sizeBytes,
    name: pathToBytes(file.name as RepoPath),
    'piece length': file.pieceLengthBytes,
    pieces: finalPieces(file),
  }
  return finish(info, file)
}

/** The metainfo of a bundle of two or more; members are named by their SHA-256. */
export const bundleMetainfo = (
  members: readonly HashedContent[],
  pieceLengthBytes: number,
): MadeMetainfo => {
  const names = createHash('sha256')
  const files: object[] = []
  const pieces: Uint8Array[] = []
  members.forEach((member, index) => {
    checkPieces(member, pieceLengthBytes)
    names.update(member.sha256)
    files.push({ length: member.sizeBytes, path: [member.sha256] })
    const last = index === members.length - 1
    pieces.push(last ? finalPieces(member) : member.pieces)
    const paddingBytes = -member.sizeBytes % pieceLengthBytes
    if (last || paddingBytes === 0) return
    const length = pieceLengthBytes + paddingBytes
    files.push({ attr: 'p', length, path: ['.pad', String(length)] })
  })
  const info = {
    files,
    name: `bundle-${names.digest('hex').slice(0, 16)}`,
    'piece length': pieceLengthBytes,
    pieces: Buffer.concat(pieces),
  }
  return finish(info)
}

export interface MetainfoFile {
  readonly path: readonly Buffer[]
  readonly sizeBytes: number
  readonly padding: boolean
}

export interface Metainfo {
  readonly infoHash: InfoHash
  readonly name: Buffer
  readonly pieceLengthBytes: number
  readonly pieces: Buffer
  readonly files: readonly MetainfoFile[]
}

const invalid = (what: string, cause?: unknown): MirrorswarmError =>
  new MirrorswarmError('MS_MANIFEST_INVALID', `not a metainfo file: ${what}`, { cause })

type Dictionary = Readonly<Record<string, unknown>>

const dictionary = (value: unknown, what: string): Dictionary => {
  const plain = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!plain || ArrayBuffer.isView(value)) throw invalid(`${what} is no dictionary`)
  return value as Dictionary
}

const bytes = (value: unknown, what: string): Buffer => {
  if (!(value instanceof Uint8Array)) throw invalid(`${what} is no string`)
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

const size = (value: unknown, what: string): number => {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw invalid(`${what} is no size`)
  }
  return value
}

const readFiles = (info: Dictionary, name: Buffer): MetainfoFile[] => {
  if (info.files === undefined) {
    return [{ path: [name], sizeBytes: size(info.length, 'length'), padding: false }]
  }
  if (!Array.isArray(info.files)) throw invalid('files is no list')
  return info.files.map(item => {
    const file = dictionary(item, 'a file')
    if (!Array.isArray(file.path)) throw invalid('a path is no list')
    return {
      path: file.path.map(part => bytes(part, 'a name')),
      sizeBytes: size(file.length, 'a length'),
      padding: file.attr !== undefined && bytes(file.attr, 'attr').includes('p'),
    }
  })
}

/** Read a metainfo file; throws MS_MANIFEST_INVALID. */
export const parseMetainfo = (metainfo: Uint8Array): Metainfo => {
  let decoded: unknown
  try {
    decoded = bencode.decode(metainfo)
  } catch (error) {
    throw invalid('it is not bencoded', error)
  }
  const info = dictionary(dictionary(decoded, 'it').info, 'info')
  const name = bytes(info.name, 'name')
  const pieceLengthBytes = size(info['piece length'], 'piece length')
  const pieces = bytes(info.pieces, 'pieces')
  if (pieceLengthBytes === 0 || pieces.length % 20 !== 0) throw invalid('its pieces are odd')
  const infoHash = createHash('sha1').update(bencode.encode(info)).digest('hex') as InfoHash
  return { infoHash, name, pieceLengthBytes, pieces, files: readFiles(info, name) }
}

/** A magnet link (BEP 9, BEP 19); `name` in canonical percent-encoding. */
export const magnetLink = (
  torrent: {
    readonly infoHash: InfoHash
    readonly name: string
    readonly sizeBytes: number
  } & MetainfoSources,
): string => {
  const parts = [
    `xt=urn:btih:${torrent.infoHash}`,
    `dn=${encodeURIComponent(displayPath(torrent.name as RepoPath))}`,
    `xl=${torrent.sizeBytes}`,
    ...(torrent.announce ?? []).map(url => `tr=${encodeURIComponent(url)}`),
    ...(torrent.webSeeds ?? []).map(url => `ws=${encodeURIComponent(url)}`),
  ]
  return `magnet:?${parts.join('&')}`
}
