// Bundles in the tables: which contents still need one, and the new ones.

import type { ContentNumber, InfoHash, RepoPath, Sha256 } from '../../core/ids.ts'
import { bundleCandidatePieceBytes, bundleCandidates } from '../../core/limits.ts'
import type { Bundle } from '../model.ts'
import { bytesOf, numberOf, pathOf, sha256Of } from './rows.ts'
import type { ManifestWriter } from './writer.ts'

/** A content that is in no bundle yet. */
export interface BundleCandidate {
  readonly number: ContentNumber
  readonly sha256: Sha256
  readonly sizeBytes: number
  /** One of its paths. */
  readonly path: RepoPath
  readonly pieces: Buffer
  readonly lastPiece: Buffer
}

export interface PlannedBundle {
  readonly infoHash: InfoHash
  readonly metainfo: Buffer
  readonly pieceLengthBytes: number
  readonly members: readonly ContentNumber[]
}

/** Decides what travels together (see prsync). */
export interface Bundler {
  /** Bundles for these contents, given in about the order of their paths. */
  plan(candidates: readonly BundleCandidate[]): PlannedBundle[]
}

const candidates = `
  SELECT c.number, c.sha256, c.size, c.pieces, c.last_piece, a.path
  FROM temp.arriving a JOIN main.contents c ON c.number = a.content
  WHERE c.size > 0 AND NOT EXISTS
    (SELECT 1 FROM main.bundle_members m WHERE m.content = a.content)
  ORDER BY a.content`

/** Contents of a ChangeSet that have no bundle, in slices of bounded size. */
export function* candidateSlices(writer: ManifestWriter): Generator<BundleCandidate[]> {
  let slice: BundleCandidate[] = []
  let pieceBytes = 0
  for (const row of writer.database.prepare(candidates).iterate()) {
    const pieces = bytesOf(row, 'pieces')
    slice.push({
      number: numberOf(row, 'number'),
      sha256: sha256Of(row),
      sizeBytes: numberOf(row, 'size'),
      path: pathOf(row),
      pieces,
      lastPiece: bytesOf(row, 'last_piece'),
    })
    pieceBytes += pieces.length
    if (slice.length >= bundleCandidates || pieceBytes >= bundleCandidatePieceBytes) {
      yield slice
      slice = []
      pieceBytes = 0
    }
  }
  if (slice.length > 0) yield slice
}

/** A function that stores bundles, under the next number or that of the wire. */
export const prepareBundles = (writer: ManifestWriter) => {
  const { database } = writer
  const largest = database.prepare('SELECT coalesce(max(number), -1) AS number FROM bundles')
  const insert = database.prepare(
    'INSERT INTO bundles (number, info_hash, metainfo, piece_length) VALUES (?, ?, ?, ?)',
  )
  const member = database.prepare(
    'INSERT INTO bundle_members (bundle, position, content) VALUES (?, ?, ?)',
  )
  return (bundle: Bundle, number?: number): void => {
    const used = number ?? numberOf(largest.get() ?? {}, 'number') + 1
    const hash = Buffer.from(bundle.infoHash, 'hex')
    const metainfo = Buffer.from(bundle.metainfo, 'hex')
    insert.run(used, hash, metainfo, bundle.pieceLengthBytes)
    for (const [position, content] of bundle.members.entries()) member.run(used, position, content)
  }
}
