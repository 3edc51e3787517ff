// Manifest parts as bytes: gzip of one JSON object a line. A header says to what the records
// belong, the last line how many there are. docs/PROTOCOL.md describes the format.

import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { describeError, MirrorswarmError } from '../core/errors.ts'
import { manifestSegmentBytes, manifestSegmentInflatedBytes } from '../core/limits.ts'
import { type ManifestRecord, type PartHeader, parseHeader, parseRecord } from './logic/records.ts'
import type { ManifestPart } from './model.ts'
import type { ObjectStore } from './objects.ts'

const compress = promisify(gzip)
const inflate = promisify(gunzip)

/** Text whose gzip cannot exceed what is accepted, even if nothing in it can be compressed. */
const plainPartBytes = manifestSegmentBytes - 64 * 1024
/** Hashes fill most of a part, and no effort makes those smaller. */
const effort = 3
const partsAtOnce = 2

const textOf = (header: PartHeader, lines: readonly string[]): string => {
  const end = JSON.stringify({ type: 'end', records: lines.length })
  return `${JSON.stringify(header)}\n${lines.join('')}${end}\n`
}

/** The texts of parts that hold these records, each with the same header; at least one. */
function* partTexts(header: PartHeader, records: Iterable<ManifestRecord>): Generator<string> {
  let lines: string[] = []
  let size = 0
  let made = 0
  for (const record of records) {
    const line = `${JSON.stringify(record)}\n`
    if (size + line.length > plainPartBytes && lines.length > 0) {
      yield textOf(header, lines)
      made += 1
      lines = []
      size = 0
    }
    lines.push(line)
    size += line.length
  }
  if (lines.length > 0 || made === 0) yield textOf(header, lines)
}

/**
 * Turn records into parts of at most `manifestSegmentBytes` and store them as objects; the answer
 * names them in order. While parts are compressed, the next one's records are read already.
 */
export const storeParts = async (
  objects: ObjectStore,
  header: PartHeader,
  records: Iterable<ManifestRecord>,
): Promise<ManifestPart[]> => {
  const store = async (text: string): Promise<ManifestPart> => {
    const bytes = await compress(text, { level: effort })
    return { sha256: await objects.put(bytes), sizeBytes: bytes.length }
  }
  const parts: ManifestPart[] = []
  const running: Promise<ManifestPart>[] = []
  try {
    for (const text of partTexts(header, records)) {
      running.push(store(text))
      if (running.length < partsAtOnce) continue
      const first = await running[0]
      running.shift()
      if (first !== undefined) parts.push(first)
    }
    return [...parts, ...(await Promise.all(running))]
  } finally {
    await Promise.allSettled(running)
  }
}

const inflateText = async (bytes: Uint8Array): Promise<string> => {
  if (bytes.length > manifestSegmentBytes) {
    throw new MirrorswarmError('MS_MANIFEST_INVALID', 'a manifest part is too large')
  }
  try {
    const plain = await inflate(bytes, { maxOutputLength: manifestSegmentInflatedBytes })
    return plain.toString('latin1')
  } catch (error) {
    throw new MirrorswarmError(
      'MS_MANIFEST_INVALID',
      `a manifest part cannot be inflated (${describeError(error)})`,
      { cause: error },
    )
  }
}

export interface DecodedPart {
  readonly header: PartHeader
  /** Checked one by one; ends with an error if the part is cut short or longer than it says. */
  readonly records: Generator<ManifestRecord>
}

function* recordsOf(text: string, start: number, header: PartHeader): Generator<ManifestRecord> {
  let lines = 0
  for (let from = start; from < text.length; ) {
    const end = text.indexOf('\n', from)
    if (end < 0) break
    const record = parseRecord(text.slice(from, end), header)
    from = end + 1
    if (record?.type === 'end') {
      if (record.records === lines && from === text.length) return
      throw new MirrorswarmError('MS_MANIFEST_INVALID', 'a manifest part does not end as it says')
    }
    lines += 1
    if (record !== null) yield record
  }
  throw new MirrorswarmError('MS_MANIFEST_INVALID', 'a manifest part is cut short')
}

/** Inflate and check a part. Throws MS_MANIFEST_INVALID, also while the records are read. */
export const decodePart = async (bytes: Uint8Array): Promise<DecodedPart> => {
  const text = await inflateText(bytes)
  const end = text.indexOf('\n')
  const header = parseHeader(end < 0 ? text : text.slice(0, end))
  return { header, records: recordsOf(text, end + 1, header) }
}
