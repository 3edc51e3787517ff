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

/** Compress lines as one part. */
const encodeOne = async (header: PartHeader, lines: readonly string[]): Promise<Buffer> => {
  const end = JSON.stringify({ type: 'end', records: lines.length })
  const text = `${JSON.stringify(header)}\n${lines.join('')}${end}\n`
  return compress(text, { level: effort })
}

/**
 * Turn records into parts of at most `manifestSegmentBytes`, each with the same header. There is
 * always at least one.
 */
export async function* encodeParts(
  header: PartHeader,
  records: Iterable<ManifestRecord>,
): AsyncGenerator<Buffer> {
  let lines: string[] = []
  let size = 0
  let made = 0
  for (const record of records) {
    const line = `${JSON.stringify(record)}\n`
    if (size + line.length > plainPartBytes && lines.length > 0) {
      yield await encodeOne(header, lines)
      made += 1
      lines = []
      size = 0
    }
    lines.push(line)
    size += line.length
  }
  if (lines.length > 0 || made === 0) yield await encodeOne(header, lines)
}

/** Store the parts of these records as objects, in order. */
export const storeParts = async (
  objects: ObjectStore,
  header: PartHeader,
  records: Iterable<ManifestRecord>,
): Promise<ManifestPart[]> => {
  const parts: ManifestPart[] = []
  for await (const bytes of encodeParts(header, records)) {
    parts.push({ sha256: await objects.put(bytes), sizeBytes: bytes.length })
  }
  return parts
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
