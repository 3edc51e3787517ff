// The bytes of '<sha256>.local': which runs of an unfinished member were copied from local files. A
// record that is not exactly as it was written says nothing.

import { crc32 } from 'node:zlib'
import { coverageRuns } from '../core/limits.ts'
import { areRuns, type Run } from './logic/runs.ts'

const magic = Buffer.from('MSL1')
const headBytes = 8
/** Offset and length, 48 bits each. */
const runBytes = 12

/** The largest record that is read. */
export const coverageRecordBytes = headBytes + coverageRuns * runBytes

/** "MSL1", CRC-32 of what follows, then each run's offset and length (u48 little endian). */
export const encodeCoverage = (runs: readonly Run[]): Buffer => {
  const kept = runs.slice(0, coverageRuns)
  const record = Buffer.alloc(headBytes + kept.length * runBytes)
  magic.copy(record)
  kept.forEach(({ offset, length }, index) => {
    record.writeUIntLE(offset, headBytes + index * runBytes, 6)
    record.writeUIntLE(length, headBytes + index * runBytes + 6, 6)
  })
  record.writeUInt32LE(crc32(record.subarray(headBytes)), 4)
  return record
}

/** The runs, or null for anything but a whole record of sorted runs within `sizeBytes`. */
export const decodeCoverage = (record: Buffer, sizeBytes: number): Run[] | null => {
  if (record.length < headBytes || record.length > coverageRecordBytes) return null
  if ((record.length - headBytes) % runBytes !== 0) return null
  if (!record.subarray(0, 4).equals(magic)) return null
  if (record.readUInt32LE(4) !== crc32(record.subarray(headBytes))) return null
  const runs: Run[] = []
  for (let at = headBytes; at < record.length; at += runBytes) {
    runs.push({ offset: record.readUIntLE(at, 6), length: record.readUIntLE(at + 6, 6) })
  }
  return areRuns(runs, sizeBytes) ? runs : null
}
