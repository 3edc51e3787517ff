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
  /** Which volunteers want it, as a key: equal keys, equal wishes. */
  readonly demand: string
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

/** New contents without a bundle, and those of bundles that are packed anew. */
const candidates = `
  SELECT c.number, c.sha256, c.size, c.pieces, c.last_piece, a.path
  FROM (
    SELECT content, path FROM temp.arriving n WHERE NOT EXISTS
      (SELECT 1 FROM main.bundle_members m WHERE m.content = n.content)
    UNION ALL
    SELECT r.content, (SELECT min(e.path) FROM main.entries e
      WHERE e.content = r.content AND e.to_snapshot IS NULL) FROM temp.repacked r
  ) a JOIN main.contents c ON c.number = a.content
  WHERE c.size > 0 ORDER BY a.content`

/** Contents of a ChangeSet that need a bundle, in slices of bounded size. */
export function* candidateSlices(
  writer: ManifestWriter,
  demandOf: (path: RepoPath) => string,
): Generator<BundleCandidate[]> {
  let slice: BundleCandidate[] = []
  let pieceBytes = 0
  for (const row of writer.database.prepare(candidates).iterate()) {
    const pieces = bytesOf(row, 'pieces')
    const path = pathOf(row)
    slice.push({
      number: numberOf(row, 'number'),
      sha256: sha256Of(row),
      sizeBytes: numberOf(row, 'size'),
      path,
      demand: demandOf(path),
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

/**
 * A function that stores bundles, under that number of the wire or the next one. Packing anew may
 * make a bundle that there is already: then its members stay where they are. One that was pruned
 * comes back under its number.
 */
export const prepareBundles = (writer: ManifestWriter) => {
  const { database } = writer
  const largest = database.prepare('SELECT coalesce(max(number), -1) AS number FROM bundles')
  const known = database.prepare(
    `SELECT number, EXISTS (SELECT 1 FROM bundle_members m WHERE m.bundle = b.number) AS has_members
     FROM bundles b WHERE info_hash = ?`,
  )
  const update = database.prepare('UPDATE bundles SET metainfo = ? WHERE number = ?')
  const insert = database.prepare(
    'INSERT INTO bundles (number, info_hash, metainfo, piece_length) VALUES (?, ?, ?, ?)',
  )
  const member = database.prepare(
    'INSERT INTO bundle_members (bundle, position, content) VALUES (?, ?, ?)',
  )
  const next = (): number => numberOf(largest.get() ?? {}, 'number') + 1
  return (bundle: Bundle, number?: number): void => {
    const hash = Buffer.from(bundle.infoHash, 'hex')
    const there = number === undefined ? known.get(hash) : undefined
    if (there !== undefined && numberOf(there, 'has_members') === 1) return
    const used = number ?? (there ? numberOf(there, 'number') : next())
    const metainfo = Buffer.from(bundle.metainfo, 'hex')
    if (there === undefined) insert.run(used, hash, metainfo, bundle.pieceLengthBytes)
    else update.run(metainfo, used)
    for (const [position, content] of bundle.members.entries()) member.run(used, position, content)
  }
}
