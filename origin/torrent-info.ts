// The info dictionary of a file's torrent, found again by its hash: which of the content's names it was
// made for is not written down.

import type { InfoHash } from '../core/ids.ts'
import { baseName } from '../core/repo-path.ts'
import { pieceLengthFor } from '../manifest/logic/piece-length.ts'
import type { Content } from '../manifest/model.ts'
import type { ManifestReader } from '../manifest/store/reader.ts'
import { singleFileMetainfo } from '../prsync/metainfo.ts'

/** Bencoded; null when no path of the newest snapshot has that name any more. */
export const findTorrentInfo = (
  reader: Pick<ManifestReader, 'latest' | 'pathsOf' | 'pieceHashes'>,
  infoHash: InfoHash,
  { number, sha256, sizeBytes }: Content,
): Buffer | null => {
  const latest = reader.latest()
  const hashes = reader.pieceHashes(number)
  if (latest === null || hashes === null) return null
  const { pieces, lastPiece } = hashes
  const pieceLengthBytes = pieceLengthFor(sizeBytes)
  const names = new Set(reader.pathsOf(number, latest.number).map(path => baseName(path)))
  for (const name of names) {
    const file = { name, sha256, sizeBytes, pieceLengthBytes, pieces, lastPiece }
    const made = singleFileMetainfo(file)
    if (made.infoHash === infoHash) return made.info
  }
  return null
}
