// Answers `POST /-/v1/ranges`: bytes, chunk hashes and anchors of contents, made while they are sent
// and at the pace of whoever takes them. Knows no HTTP, and not where contents lie.

import { answerPartBytes } from '../core/delta-limits.ts'
import type { Sha256 } from '../core/ids.ts'
import { chunkCount, chunkHashBytes, coarseChunkBytes } from '../core/kernel/chunk-map.ts'
import type { Kernel } from '../core/kernel/kernel.ts'
import { readBufferBytes } from '../core/limits.ts'
import { AnchorLists } from './anchor-lists.ts'
import type { ChunkCache } from './chunk-cache.ts'
import {
  answerHere,
  answerNotHeld,
  answerVersion,
  type ChunkAsk,
  encodeNumber,
  fullHashBytes,
  parseRequest,
  type RangesAsk,
  shortHashes,
} from './logic/ranges-wire.ts'
import { readWindows } from './logic/read-windows.ts'
import { type Run, runEnd } from './logic/runs.ts'
import { compressedParts } from './unpacked/form-parts.ts'
import type { FormShape } from './unpacked/logic/form.ts'

export interface OpenContent {
  readonly sizeBytes: number
  /** Stored hashes of its 64 KiB chunks, if they are known. */
  readonly coarse: Uint8Array | null
  /** Exactly these bytes; throws when they are not to be had or the file was changed. */
  read(offset: number, length: number): Promise<Buffer>
  close(): Promise<void>
}

/** A content's unpacked form, to be read like a content. */
export interface OpenForm extends OpenContent {
  readonly shape: FormShape
}

export interface ContentSource {
  /** Null: not held here. */
  open(sha256: Sha256): Promise<OpenContent | null>
  /** Null: there is none here. It may have to be made first. */
  openForm?(sha256: Sha256, signal: AbortSignal): Promise<OpenForm | null>
}

export interface RangesAnswererParts {
  readonly source: ContentSource
  readonly kernel: Pick<Kernel, 'chunkHashes' | 'anchors'>
  readonly cache: ChunkCache
  /** Where long lists of anchors are kept, see AnchorLists. */
  readonly anchorFolder?: string
}

/** Hashes are computed and kept for so many chunks together, even if fewer are asked for. */
const blockChunks = 128
/** Runs no further apart are read together. */
const gapBytes = 16 * 1024

interface Opened {
  readonly sha256: Sha256
  readonly content: OpenContent
  /** Goes before the names of what is remembered. */
  readonly of: '' | 'form '
}

/** Whether everything that is asked lies inside the content. */
const isInside = (ask: RangesAsk, sizeBytes: number): boolean => {
  const last = ask.runs?.at(-1)
  if (last !== undefined && runEnd(last) > sizeBytes) return false
  return (ask.chunks ?? []).every(({ chunkBytes, runs }) => {
    const end = runs.at(-1)
    return end === undefined || runEnd(end) <= chunkCount(sizeBytes, chunkBytes)
  })
}

const isForm = (content: OpenContent | OpenForm): content is OpenForm => 'shape' in content

export class RangesAnswerer {
  readonly #parts: RangesAnswererParts
  readonly #anchors: AnchorLists

  constructor(parts: RangesAnswererParts) {
    this.#parts = parts
    const { kernel, cache, anchorFolder = null } = parts
    this.#anchors = new AnchorLists({ kernel, cache, folder: anchorFolder })
  }

  /**
   * The answer's bytes. Throws MS_REQUEST_INVALID at once; when a content changes or cannot be read
   * on the way, the iteration throws, and what was sent must be cut off.
   */
  answer(body: Uint8Array, signal: AbortSignal): AsyncIterable<Buffer> {
    const asks = parseRequest(body)
    return gathered(this.#answerAll(asks, signal), signal)
  }

  async *#answerAll(asks: readonly RangesAsk[], signal: AbortSignal): AsyncGenerator<Uint8Array> {
    yield Buffer.of(answerVersion)
    for (const ask of asks) {
      const { sha256, form = false } = ask
      const { source } = this.#parts
      const opened = form ? await source.openForm?.(sha256, signal) : await source.open(sha256)
      const content = opened ?? null
      try {
        if (content === null || !isInside(ask, content.sizeBytes)) yield Buffer.of(answerNotHeld)
        else if (!isForm(content)) yield* this.#answerOne({ sha256, content, of: '' }, ask, signal)
        else yield* this.#answerForm({ sha256, content, of: 'form ' }, content.shape, ask)
      } finally {
        await content?.close()
      }
    }
  }

  async *#answerOne(
    opened: Opened,
    { runs = [], chunks = [], anchors = false }: RangesAsk,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    yield Buffer.of(answerHere)
    yield* this.#bytes(opened.content, runs)
    for (const ask of chunks) yield* this.#hashes(opened, ask)
    if (!anchors) return
    const list = await this.#anchors.open(opened.sha256, opened.content, signal)
    try {
      yield encodeNumber(list.lengthBytes)
      yield* list.parts
    } finally {
      await list.close()
    }
  }

  async *#answerForm(
    opened: Opened,
    { textBytes, tokenBytes, frameBytes }: FormShape,
    { runs = [], chunks = [] }: RangesAsk,
  ): AsyncGenerator<Uint8Array> {
    yield Buffer.of(answerHere)
    for (const bytes of [textBytes, tokenBytes, frameBytes]) yield encodeNumber(bytes)
    for await (const part of compressedParts(this.#bytes(opened.content, runs))) {
      yield encodeNumber(part.length)
      yield part
    }
    for (const ask of chunks) yield* this.#hashes(opened, ask)
  }

  async *#bytes(content: OpenContent, runs: readonly Run[]): AsyncGenerator<Uint8Array> {
    for (const window of readWindows(cut(runs, readBufferBytes), gapBytes, readBufferBytes)) {
      const bytes = await content.read(window.offset, window.length)
      for (const { offset, length } of window.pieces) {
        yield bytes.subarray(offset - window.offset, offset - window.offset + length)
      }
    }
  }

  async *#hashes(opened: Opened, ask: ChunkAsk): AsyncGenerator<Uint8Array> {
    const { chunkBytes, hashBytes, runs } = ask
    const { coarse, sizeBytes } = opened.content
    const count = chunkCount(sizeBytes, chunkBytes)
    const isStored =
      chunkBytes === coarseChunkBytes && coarse !== null && coarse.length === count * chunkHashBytes
    for (const { offset, length } of runs) {
      if (isStored) {
        const hashes = coarse.subarray(offset * chunkHashBytes, (offset + length) * chunkHashBytes)
        yield shortHashes(hashes, hashBytes)
        continue
      }
      for (let at = offset; at < offset + length; ) {
        const block = Math.floor(at / blockChunks)
        const hashes = await this.#block(opened, chunkBytes, block)
        const first = at - block * blockChunks
        const end = Math.min(offset + length - block * blockChunks, blockChunks)
        yield shortHashes(hashes.subarray(first * fullHashBytes, end * fullHashBytes), hashBytes)
        at += end - first
      }
    }
  }

  /** The hashes of a block of chunks, computed once while they are remembered. */
  async #block(opened: Opened, chunkBytes: number, block: number): Promise<Uint8Array> {
    const { cache, kernel } = this.#parts
    const { sha256, content, of } = opened
    const part = `${of}${chunkBytes} ${block}`
    const known = cache.get(sha256, part)
    if (known !== undefined) return known
    const first = block * blockChunks
    const end = Math.min(first + blockChunks, chunkCount(content.sizeBytes, chunkBytes))
    const parts: Uint8Array[] = []
    const step = Math.max(1, Math.floor(readBufferBytes / chunkBytes))
    for (let at = first; at < end; at += step) {
      const chunks = Math.min(step, end - at)
      const bytes = await content.read(at * chunkBytes, chunks * chunkBytes)
      parts.push(kernel.chunkHashes(bytes, chunkBytes))
    }
    const hashes = Buffer.concat(parts)
    cache.set(sha256, part, hashes)
    return hashes
  }
}

/** Runs of at most so many bytes. */
function* cut(runs: readonly Run[], mostBytes: number): Generator<Run> {
  for (const run of runs) {
    for (let offset = run.offset; offset < runEnd(run); offset += mostBytes) {
      yield { offset, length: Math.min(mostBytes, runEnd(run) - offset) }
    }
  }
}

/** The same bytes in parts worth sending, each in memory of its own. */
async function* gathered(
  parts: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let room = Buffer.allocUnsafe(answerPartBytes)
  let filled = 0
  for await (const part of parts) {
    signal.throwIfAborted()
    // Copied at once: a few bytes of a large read must not keep all of it in memory.
    for (let at = 0; at < part.length; ) {
      const length = Math.min(part.length - at, room.length - filled)
      room.set(part.subarray(at, at + length), filled)
      at += length
      filled += length
      if (filled < room.length) continue
      yield room
      room = Buffer.allocUnsafe(answerPartBytes)
      filled = 0
    }
  }
  if (filled > 0) yield room.subarray(0, filled)
}
