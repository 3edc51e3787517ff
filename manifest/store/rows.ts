// Between SQLite's values and the model's types: each function reads one kind of value and refuses
// anything else, so that a damaged database is noticed where it is read.

import type { SQLOutputValue } from 'node:sqlite'
import { MirrorswarmError } from '../../core/errors.ts'
import type { InfoHash, RepoPath, Sha256 } from '../../core/ids.ts'
import type { Content, Entry, Snapshot } from '../model.ts'

export type Row = Readonly<Record<string, SQLOutputValue>>

const corrupt = (column: string): never => {
  throw new MirrorswarmError('MS_DATA_CORRUPT', `the manifest database has a bad ${column}`)
}

export const numberOf = (row: Row, column: string): number => {
  const value = row[column]
  return typeof value === 'number' ? value : corrupt(column)
}

/** Of statements that read integers as bigint. */
export const bigintOf = (row: Row, column: string): bigint => {
  const value = row[column]
  return typeof value === 'bigint' ? value : corrupt(column)
}

export const textOf = (row: Row, column: string): string => {
  const value = row[column]
  return typeof value === 'string' ? value : corrupt(column)
}

export const bytesOf = (row: Row, column: string): Buffer => {
  const value = row[column]
  return value instanceof Uint8Array
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : corrupt(column)
}

export const hexOf = (row: Row, column: string): string => bytesOf(row, column).toString('hex')

export const pathOf = (row: Row, column = 'path'): RepoPath => textOf(row, column) as RepoPath
export const sha256Of = (row: Row, column = 'sha256'): Sha256 => hexOf(row, column) as Sha256
export const infoHashOf = (row: Row, column = 'info_hash'): InfoHash =>
  hexOf(row, column) as InfoHash

export const contentColumns =
  'c.number, c.sha256, c.size, c.sha1, c.md5, c.md4, c.modified, c.first_snapshot'

export const contentOf = (row: Row): Content => ({
  number: numberOf(row, 'number'),
  sha256: sha256Of(row),
  sizeBytes: numberOf(row, 'size'),
  sha1: hexOf(row, 'sha1'),
  md5: hexOf(row, 'md5'),
  md4: hexOf(row, 'md4'),
  modifiedSeconds: numberOf(row, 'modified'),
  firstSnapshot: numberOf(row, 'first_snapshot'),
})

/** The same with hashes as text: cheaper to read than many small blobs. */
export const hexContentColumns = `c.number, lower(hex(c.sha256)), c.size, lower(hex(c.sha1)),
  lower(hex(c.md5)), lower(hex(c.md4)), c.modified, c.first_snapshot`

const numberIn = (value: unknown): number =>
  typeof value === 'number' ? value : corrupt('number in a content')

const textIn = (value: unknown): string =>
  typeof value === 'string' ? value : corrupt('hash in a content')

/** A content from the values of `hexContentColumns`, in their order. */
export const contentOfValues = (values: readonly unknown[]): Content => ({
  number: numberIn(values[0]),
  sha256: textIn(values[1]) as Sha256,
  sizeBytes: numberIn(values[2]),
  sha1: textIn(values[3]),
  md5: textIn(values[4]),
  md4: textIn(values[5]),
  modifiedSeconds: numberIn(values[6]),
  firstSnapshot: numberIn(values[7]),
})

export const entryOf = (row: Row): Entry =>
  row.target === null
    ? { kind: 'file', path: pathOf(row), content: numberOf(row, 'content') }
    : { kind: 'link', path: pathOf(row), target: textOf(row, 'target') }

export const snapshotOf = (row: Row): Snapshot => ({
  number: numberOf(row, 'number'),
  createdMs: numberOf(row, 'created_ms'),
  files: numberOf(row, 'files'),
  links: numberOf(row, 'links'),
  bytes: numberOf(row, 'bytes'),
  uniqueBytes: numberOf(row, 'unique_bytes'),
  added: numberOf(row, 'added'),
  changed: numberOf(row, 'changed'),
  removed: numberOf(row, 'removed'),
})

/** The live rows of a table with from_snapshot and to_snapshot, at the snapshot `parameter`. */
export const liveAt = (alias: string, parameter: string): string =>
  `${alias}.from_snapshot <= ${parameter} AND (${alias}.to_snapshot IS NULL OR ${alias}.to_snapshot > ${parameter})`
