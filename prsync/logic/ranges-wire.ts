// The bytes of `POST /-/v1/ranges`: what is asked of which contents. Compact, since a delta asks for
// thousands of short runs; every count is checked before anything is allocated for it.

import {
  rangesAnchorLists,
  rangesAnswerBytes,
  rangesContents,
  rangesForms,
  rangesHashedBytes,
  rangesRuns,
} from '../../core/delta-limits.ts'
import { MirrorswarmError } from '../../core/errors.ts'
import type { Sha256 } from '../../core/ids.ts'
import { type Run, runEnd } from './runs.ts'

/** Hashes of whole chunks of one size. */
export interface ChunkAsk {
  readonly chunkBytes: number
  /** Of each hash: 5 to 8 are the rolling sum and as much of the strong hash, 1 to 4 the latter alone. */
  readonly hashBytes: number
  /** Runs of chunk indices: `offset` is the first chunk, `length` how many. */
  readonly runs: readonly Run[]
}

/** What is asked of one content; the answer has it in this order. */
export interface RangesAsk {
  readonly sha256: Sha256
  /** Asked is its unpacked form instead of itself; the answer begins with its shape. */
  readonly form?: boolean
  /** Bytes themselves; sorted and disjoint. */
  readonly runs?: readonly Run[]
  readonly chunks?: readonly ChunkAsk[]
  /** The whole list of content-defined anchors. */
  readonly anchors?: boolean
}

/** Sizes of chunks that may be asked for, as powers of two: 64 bytes to 64 KiB. */
export const leastChunkPower = 6
export const mostChunkPower = 16
export const fullHashBytes = 8

const version = 1
const strongHashBytes = 4
const kindRuns = 1
const kindChunks = 2
const kindAnchors = 4
const kindForm = 8
const sha256Bytes = 32

export const answerVersion = 1
/** First byte of a content's part in the answer. */
export const answerHere = 0
export const answerNotHeld = 1

export const chunkAskHashes = (ask: ChunkAsk): number =>
  ask.runs.reduce((sum, run) => sum + run.length, 0)

/** Bytes that the answer to runs and chunk hashes has; the length of anchors is not known before. */
export const askedBytes = (ask: RangesAsk): number => {
  const runs = (ask.runs ?? []).reduce((sum, run) => sum + run.length, 0)
  const hashes = (ask.chunks ?? []).map(chunks => chunkAskHashes(chunks) * chunks.hashBytes)
  return hashes.reduce((sum, bytes) => sum + bytes, runs)
}

/** Runs in an ask, of bytes and of chunks, which is what a request is bounded by. */
export const askedRuns = (ask: RangesAsk): number =>
  (ask.chunks ?? []).reduce((sum, { runs }) => sum + runs.length, ask.runs?.length ?? 0)

/** Bytes that must be read to answer with hashes; a list of anchors is counted by itself. */
const hashedBytes = (ask: RangesAsk): number =>
  (ask.chunks ?? []).reduce((sum, chunks) => sum + chunkAskHashes(chunks) * chunks.chunkBytes, 0)

const anchorLists = (ask: RangesAsk): number => (ask.anchors === true ? 1 : 0)

/** What a request is bounded by. */
const nothingAsked = { runs: 0, bytes: 0, hashed: 0, lists: 0, forms: 0 }

const plus = (sum: typeof nothingAsked, ask: RangesAsk): typeof nothingAsked => ({
  runs: sum.runs + askedRuns(ask),
  bytes: sum.bytes + askedBytes(ask),
  hashed: sum.hashed + hashedBytes(ask),
  lists: sum.lists + anchorLists(ask),
  forms: sum.forms + (ask.form === true ? 1 : 0),
})

const isWithinBounds = ({ runs, bytes, hashed, lists, forms }: typeof nothingAsked): boolean =>
  runs <= rangesRuns &&
  bytes <= rangesAnswerBytes &&
  hashed <= rangesHashedBytes &&
  lists <= rangesAnchorLists &&
  forms <= rangesForms

/** LEB128 of a number below 2^53. */
const pushNumber = (out: number[], value: number): void => {
  let rest = value
  while (rest >= 128) {
    out.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  out.push(rest)
}

export const encodeNumber = (value: number): Buffer => {
  const out: number[] = []
  pushNumber(out, value)
  return Buffer.from(out)
}

/**
 * Full hashes (8 bytes: rolling sum, then strong) shortened to what was asked for: up to 4 bytes are
 * the low ones of the strong hash, from 5 on the rolling sum goes before them.
 */
export const shortHashes = (hashes: Uint8Array, hashBytes: number): Uint8Array => {
  if (hashBytes === fullHashBytes) return hashes
  const from = hashBytes > strongHashBytes ? 0 : fullHashBytes - strongHashBytes
  const count = hashes.length / fullHashBytes
  const short = new Uint8Array(count * hashBytes)
  for (let i = 0; i < count; i += 1) {
    for (let j = 0; j < hashBytes; j += 1) {
      short[i * hashBytes + j] = hashes[i * fullHashBytes + from + j] as number
    }
  }
  return short
}

/** The largest power of two that divides every offset and every end but the last. */
const unitPowerOf = (runs: readonly Run[]): number => {
  let power = mostChunkPower
  for (const [index, run] of runs.entries()) {
    while (power > 0 && run.offset % 2 ** power !== 0) power -= 1
    if (index === runs.length - 1) break
    while (power > 0 && run.length % 2 ** power !== 0) power -= 1
  }
  return power
}

const pushRuns = (out: number[], runs: readonly Run[], unit: number): void => {
  pushNumber(out, runs.length)
  let end = 0
  for (const { offset, length } of runs) {
    pushNumber(out, (offset - end) / unit)
    pushNumber(out, Math.ceil(length / unit) - 1)
    end = offset + length
  }
}

/** The request for these; the caller keeps within the bounds (`requestsFor` splits). */
export const encodeRequest = (asks: readonly RangesAsk[]): Buffer => {
  const out: number[] = [version]
  pushNumber(out, asks.length)
  for (const { sha256, form = false, runs = [], chunks = [], anchors = false } of asks) {
    out.push(...Buffer.from(sha256, 'hex'))
    const kinds = [runs.length > 0 && kindRuns, chunks.length > 0 && kindChunks]
    kinds.push(anchors && kindAnchors, form && kindForm)
    out.push(kinds.reduce<number>((sum, bit) => sum + Number(bit), 0))
    if (runs.length > 0) {
      const unitPower = unitPowerOf(runs)
      const last = runs.at(-1)?.length ?? 0
      const unit = 2 ** unitPower
      out.push(unitPower)
      pushRuns(out, runs, unit)
      // The last run may end where no unit does: at the content's end.
      pushNumber(out, Math.ceil(last / unit) * unit - last)
    }
    if (chunks.length === 0) continue
    pushNumber(out, chunks.length)
    for (const { chunkBytes, hashBytes, runs: indices } of chunks) {
      out.push(Math.log2(chunkBytes), hashBytes)
      pushRuns(out, indices, 1)
    }
  }
  return Buffer.from(out)
}

const invalid = (what: string): MirrorswarmError =>
  new MirrorswarmError('MS_REQUEST_INVALID', `a request for ranges ${what}`)

class Cursor {
  readonly #bytes: Uint8Array
  #at = 0
  /** Runs that may still come, over all contents. */
  #runsLeft = rangesRuns

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  byte(): number {
    const value = this.#bytes[this.#at]
    if (value === undefined) throw invalid('is cut short')
    this.#at += 1
    return value
  }

  take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw invalid('is cut short')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  number(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = this.byte()
      value += (byte % 128) * factor
      if (value > Number.MAX_SAFE_INTEGER) throw invalid('has a number that is too large')
      if (byte < 128) {
        if (byte === 0 && factor > 1) throw invalid('has a number in a longer form than it needs')
        return value
      }
      if (factor >= 2 ** 49) throw invalid('has a number that is too large')
    }
  }

  runs(unit: number): { offset: number; length: number }[] {
    const count = this.number()
    if (count === 0) throw invalid('has an empty list of runs')
    this.#runsLeft -= count
    if (this.#runsLeft < 0) throw invalid('has too many runs')
    const runs: { offset: number; length: number }[] = []
    let end = 0
    for (let i = 0; i < count; i += 1) {
      const offset = end + this.number() * unit
      const length = (this.number() + 1) * unit
      end = offset + length
      if (end > Number.MAX_SAFE_INTEGER) throw invalid('has a number that is too large')
      runs.push({ offset, length })
    }
    return runs
  }
}

const readRuns = (cursor: Cursor): Run[] => {
  const unitPower = cursor.byte()
  if (unitPower > mostChunkPower) throw invalid('has runs in units that are too large')
  const runs = cursor.runs(2 ** unitPower)
  const last = runs.at(-1)
  const cut = cursor.number()
  if (last === undefined || cut >= 2 ** unitPower) throw invalid('has an odd end of its runs')
  last.length -= cut
  return runs
}

const readChunks = (cursor: Cursor): ChunkAsk[] => {
  const lists: ChunkAsk[] = []
  const count = cursor.number()
  if (count === 0) throw invalid('has an empty list of chunks')
  for (let i = 0; i < count; i += 1) {
    const power = cursor.byte()
    const hashBytes = cursor.byte()
    if (power < leastChunkPower || power > mostChunkPower) throw invalid('has an odd chunk size')
    if (hashBytes < 1 || hashBytes > fullHashBytes) throw invalid('has an odd hash size')
    const runs = cursor.runs(1)
    const last = runs.at(-1)
    if (last !== undefined && runEnd(last) * 2 ** power > Number.MAX_SAFE_INTEGER) {
      throw invalid('has a number that is too large')
    }
    lists.push({ chunkBytes: 2 ** power, hashBytes, runs })
  }
  return lists
}

/** What a request asks for, within all bounds; throws MS_REQUEST_INVALID. */
export const parseRequest = (body: Uint8Array): RangesAsk[] => {
  const cursor = new Cursor(body)
  if (cursor.byte() !== version) throw invalid('is of another version')
  const count = cursor.number()
  if (count > rangesContents) throw invalid('is for too many contents')
  const asks: RangesAsk[] = []
  let sum = nothingAsked
  for (let i = 0; i < count; i += 1) {
    const sha256 = Buffer.from(cursor.take(sha256Bytes)).toString('hex') as Sha256
    const kinds = cursor.byte()
    const isForm = (kinds & kindForm) !== 0
    if (kinds > kindRuns + kindChunks + kindForm || (isForm && (kinds & kindAnchors) !== 0)) {
      throw invalid('asks for something unknown')
    }
    const ask: RangesAsk = {
      sha256,
      ...(isForm ? { form: true } : {}),
      ...((kinds & kindRuns) === 0 ? {} : { runs: readRuns(cursor) }),
      ...((kinds & kindChunks) === 0 ? {} : { chunks: readChunks(cursor) }),
      ...((kinds & kindAnchors) === 0 ? {} : { anchors: true }),
    }
    sum = plus(sum, ask)
    if (sum.bytes > rangesAnswerBytes) throw invalid('asks for too many bytes')
    if (sum.hashed > rangesHashedBytes) throw invalid('asks for hashes of too many bytes')
    if (sum.lists > rangesAnchorLists) throw invalid('asks for too many lists of anchors')
    if (sum.forms > rangesForms) throw invalid('asks for too many forms')
    asks.push(ask)
  }
  if (!cursor.isAtEnd) throw invalid('goes on after its end')
  return asks
}

/** Runs cut into parts of at most so many units (bytes, or chunks) and of as many runs as may be. */
const cutRunList = (runs: readonly Run[], mostUnits: number): Run[][] => {
  const parts: Run[][] = []
  let part: Run[] = []
  let units = 0
  for (const run of runs) {
    for (let offset = run.offset; offset < runEnd(run); ) {
      if (units >= mostUnits || part.length >= rangesRuns) {
        parts.push(part)
        part = []
        units = 0
      }
      const length = Math.min(mostUnits - units, runEnd(run) - offset)
      part.push({ offset, length })
      units += length
      offset += length
    }
  }
  if (part.length > 0) parts.push(part)
  return parts
}

const cutAsk = (ask: RangesAsk): RangesAsk[] => {
  const fits =
    askedRuns(ask) <= rangesRuns &&
    askedBytes(ask) <= rangesAnswerBytes &&
    hashedBytes(ask) <= rangesHashedBytes
  if (fits) return [ask]
  const { sha256, form, runs = [], chunks = [], anchors = false } = ask
  const of = { sha256, ...(form === true ? { form } : {}) }
  const mostChunks = ({ chunkBytes, hashBytes }: ChunkAsk): number =>
    Math.floor(Math.min(rangesAnswerBytes / hashBytes, rangesHashedBytes / chunkBytes))
  return [
    ...cutRunList(runs, rangesAnswerBytes).map(part => ({ ...of, runs: part })),
    ...chunks.flatMap(({ chunkBytes, hashBytes, runs: indices }) =>
      cutRunList(indices, mostChunks({ chunkBytes, hashBytes, runs: indices })).map(part => ({
        ...of,
        chunks: [{ chunkBytes, hashBytes, runs: part }],
      })),
    ),
    ...(anchors ? [{ sha256, anchors }] : []),
  ]
}

/**
 * The asks in as few requests as the bounds allow, everything in the same order; what is too large
 * for one request is cut.
 */
export const requestsFor = (asks: readonly RangesAsk[]): RangesAsk[][] => {
  const requests: RangesAsk[][] = []
  let request: RangesAsk[] = []
  let sum = nothingAsked
  for (const ask of asks.flatMap(cutAsk)) {
    let next = plus(sum, ask)
    if (request.length >= rangesContents || !isWithinBounds(next)) {
      requests.push(request)
      request = []
      next = plus(nothingAsked, ask)
    }
    request.push(ask)
    sum = next
  }
  if (request.length > 0) requests.push(request)
  return requests
}
