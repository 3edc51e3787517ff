// PATH.meta4: Metalink 4 (RFC 5854), by which a client downloads from several servers at once and
// checks every piece.

import type { RepoPath } from '../../core/ids.ts'
import { baseName } from '../../core/repo-path.ts'
import { directUrl, type FileSources, fileUrl, mirrorUrl } from './file-sources.ts'
import { escapeMarkup, isoTime, readablePath } from './markup.ts'

export interface PieceList {
  readonly pieceLengthBytes: number
  /** SHA-1 of each piece, 20 bytes each, the last of the piece as it is (without padding). */
  readonly hashes: Buffer
}

export const metalinkType = 'application/metalink4+xml'

const pieceLines = ({ pieceLengthBytes, hashes }: PieceList): string[] => {
  const lines = [`    <pieces length="${pieceLengthBytes}" type="sha-1">`]
  for (let start = 0; start < hashes.length; start += 20) {
    lines.push(`      <hash>${hashes.toString('hex', start, start + 20)}</hash>`)
  }
  return [...lines, '    </pieces>']
}

/**
 * The metalink of a file: volunteers first, the origin last, so that it is asked for what nobody
 * else gave. Piece hashes are left out for empty files and where none are given.
 */
export const renderMetalink = (sources: FileSources, pieces: PieceList | null = null): string => {
  const { path, content, mirrors } = sources
  const urls = [...mirrors.map(name => mirrorUrl(sources, name)), directUrl(sources)]
  const torrent = `    <metaurl mediatype="torrent" priority="1">${escapeMarkup(`${fileUrl(sources)}.torrent`)}</metaurl>`
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<metalink xmlns="urn:ietf:params:xml:ns:metalink">',
    '  <generator>mirrorswarm</generator>',
    `  <origin dynamic="true">${escapeMarkup(`${fileUrl(sources)}.meta4`)}</origin>`,
    `  <published>${isoTime(content.modifiedSeconds)}</published>`,
    `  <file name="${escapeMarkup(readablePath(baseName(path) as RepoPath))}">`,
    `    <size>${content.sizeBytes}</size>`,
    `    <hash type="sha-256">${content.sha256}</hash>`,
    `    <hash type="sha-1">${content.sha1}</hash>`,
    `    <hash type="md5">${content.md5}</hash>`,
    ...(pieces === null || pieces.hashes.length === 0 ? [] : pieceLines(pieces)),
    ...(content.sizeBytes > 0 ? [torrent] : []),
    ...urls.map((url, index) => `    <url priority="${index + 1}">${escapeMarkup(url)}</url>`),
    '  </file>',
    '</metalink>',
  ]
  return `${lines.join('\n')}\n`
}
