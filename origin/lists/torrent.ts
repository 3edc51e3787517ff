// PATH.torrent and "?magnet": a file as a torrent of its own, with the origin's tracker and with
// the volunteers and the origin as web seeds (BEP 19), for stock BitTorrent clients.

import { baseName } from '../../core/repo-path.ts'
import { pieceLengthFor } from '../../manifest/logic/piece-length.ts'
import type { PieceHashes } from '../../manifest/store/reader.ts'
import { type MadeMetainfo, magnetLink, singleFileMetainfo } from '../../prsync/metainfo.ts'
import { type FileSources, fileUrl } from './file-sources.ts'
import type { PieceList } from './metalink.ts'

export const torrentType = 'application/x-bittorrent'

const sourcesOf = (sources: FileSources) => ({
  announce: [`${sources.baseUrl}/-/announce`],
  // One seed is enough: the origin redirects each request to the volunteer that is best then.
  webSeeds: [fileUrl(sources)],
})

/** The metainfo of a file; null for an empty one, which has no pieces and no use for a swarm. */
export const fileTorrent = (sources: FileSources, pieces: PieceHashes): MadeMetainfo | null => {
  const { path, content } = sources
  if (content.sizeBytes === 0) return null
  return singleFileMetainfo({
    name: baseName(path),
    sha256: content.sha256,
    sizeBytes: content.sizeBytes,
    pieceLengthBytes: pieceLengthFor(content.sizeBytes),
    pieces: pieces.pieces,
    lastPiece: pieces.lastPiece,
    ...sourcesOf(sources),
  })
}

/** The magnet link of a file's torrent, with a line break; null for an empty file. */
export const fileMagnet = (sources: FileSources, pieces: PieceHashes): string | null => {
  const torrent = fileTorrent(sources, pieces)
  if (torrent === null) return null
  const { infoHash } = torrent
  const { sizeBytes } = sources.content
  const name = baseName(sources.path)
  return `${magnetLink({ infoHash, name, sizeBytes, ...sourcesOf(sources) })}\n`
}

/** The pieces as a metalink lists them: each as it is, the last without padding. */
export const piecesOf = (sizeBytes: number, { pieces, lastPiece }: PieceHashes): PieceList => ({
  pieceLengthBytes: pieceLengthFor(sizeBytes),
  hashes: Buffer.concat([pieces.subarray(0, Math.max(0, pieces.length - 20)), lastPiece]),
})
