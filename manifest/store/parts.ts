// Which immutable parts describe the newest snapshot: the newest checkpoint and the differences of
// the last snapshots. Reaching back behind the checkpoint spares volunteers that are a little
// behind from loading it.

import type { DatabaseSync } from 'node:sqlite'
import type { SnapshotNumber } from '../../core/ids.ts'
import { chainSteps } from '../../core/limits.ts'
import type { DifferencePart, Head, ManifestPart } from '../model.ts'
import { numberOf, type Row, sha256Of } from './rows.ts'
import type { ManifestWriter } from './writer.ts'

const partOf = (row: Row): ManifestPart => ({
  sha256: sha256Of(row),
  sizeBytes: numberOf(row, 'size'),
})

const differenceOf = (row: Row): DifferencePart => ({
  ...partOf(row),
  from: numberOf(row, 'from_snapshot'),
  to: numberOf(row, 'to_snapshot'),
})

type HeadParts = Pick<Head, 'snapshot' | 'checkpoint' | 'differences'>

/** The unbroken chain that ends at `snapshot`, from rows that are newest first. */
const chainTo = (snapshot: SnapshotNumber, rows: readonly Row[]): DifferencePart[] => {
  const chain: DifferencePart[] = []
  let step = { from: snapshot, to: snapshot }
  for (const row of rows) {
    const part = differenceOf(row)
    const sameStep = part.from === step.from && part.to === step.to
    if (!sameStep && part.to !== step.from) break
    step = { from: part.from, to: part.to }
    chain.push(part)
  }
  return chain.reverse()
}

/** A function that reads the parts of the newest snapshot; null when there are none. */
export const preparePartsQuery = (database: DatabaseSync): (() => HeadParts | null) => {
  const latest = database.prepare('SELECT coalesce(max(number), 0) AS number FROM snapshots')
  // An origin that never wrote a checkpoint starts from the empty snapshot 0.
  const checkpoint = database.prepare(
    'SELECT coalesce(max(to_snapshot), 0) AS number FROM parts WHERE from_snapshot = to_snapshot',
  )
  const segments = database.prepare(
    'SELECT sha256, size FROM parts WHERE from_snapshot = ?1 AND to_snapshot = ?1 ORDER BY position',
  )
  const differences = database.prepare(
    `SELECT from_snapshot, to_snapshot, sha256, size FROM parts
     WHERE from_snapshot < to_snapshot AND from_snapshot >= ?
     ORDER BY to_snapshot DESC, from_snapshot, position DESC`,
  )
  const read = (): HeadParts | null => {
    const snapshot = numberOf(latest.get() ?? {}, 'number')
    if (snapshot === 0) return null
    const start = numberOf(checkpoint.get() ?? {}, 'number')
    const oldest = Math.min(start, snapshot - chainSteps)
    const chain = chainTo(snapshot, differences.all(oldest))
    if ((chain[0]?.from ?? snapshot) > start) return null
    return {
      snapshot,
      checkpoint: { snapshot: start, segments: segments.all(start).map(partOf) },
      differences: chain,
    }
  }
  return () => {
    if (database.isTransaction) return read()
    // One transaction, so that a publish in between cannot mix two snapshots.
    database.exec('BEGIN')
    try {
      return read()
    } finally {
      database.exec('COMMIT')
    }
  }
}

/** Remember the parts of one difference, or of a checkpoint when `from` equals `to`. */
export const recordParts = (
  writer: ManifestWriter,
  from: SnapshotNumber,
  to: SnapshotNumber,
  parts: readonly ManifestPart[],
): void => {
  const insert = writer.database.prepare(
    'INSERT OR REPLACE INTO parts (from_snapshot, to_snapshot, position, sha256, size) VALUES (?, ?, ?, ?, ?)',
  )
  parts.forEach((part, position) => {
    insert.run(from, to, position, Buffer.from(part.sha256, 'hex'), part.sizeBytes)
  })
}
