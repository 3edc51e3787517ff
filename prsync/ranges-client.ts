// Asks others for pieces of contents by `POST /-/v1/ranges`: splits what is too large for a request,
// and believes nothing of an answer but its bytes. The transport and who is asked are given.

import { setTimeout as delay } from 'node:timers/promises'
import {
  busySourceWaitMs,
  busySourceWaits,
  formBytesPerSecond,
  formPartBytes,
  slowAnswerBytesPerSecond,
} from '../core/delta-limits.ts'
import { describeError, isMirrorswarmError, MirrorswarmError } from '../core/errors.ts'
import type { Sha256 } from '../core/ids.ts'
import { anchorBytes, anchorChunkFloor } from '../core/kernel/anchors.ts'
import { requestTimeoutMs } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import {
  answerHere,
  answerNotHeld,
  answerVersion,
  askedBytes,
  type ChunkAsk,
  encodeRequest,
  type RangesAsk,
  requestsFor,
} from './logic/ranges-wire.ts'
import { type Run, runsBytes } from './logic/runs.ts'
import { inflatePart, mostFormPartBytes } from './unpacked/form-parts.ts'
import type { FormShape } from './unpacked/logic/form.ts'

/** Someone who may hold a content. */
export interface RangesSource {
  /** For the log. */
  readonly name: string
  /** Send a request and get the answer's bytes, decompressed; rejects when it is refused. */
  readonly send: (body: Uint8Array, signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>
}

const odd = (what: string): MirrorswarmError =>
  new MirrorswarmError('MS_ANSWER_INVALID', `an answer to a request for ranges ${what}`)

/** Takes exact lengths from bytes that come in any portions. Nothing is read ahead. */
class AnswerReader {
  readonly #parts: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array(0)

  constructor(parts: AsyncIterable<Uint8Array>) {
    this.#parts = parts[Symbol.asyncIterator]()
  }

  /** The next bytes, at most so many; null at the end. */
  async #next(most: number): Promise<Uint8Array | null> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#parts.next()
      if (done === true) return null
      this.#rest = value
    }
    const bytes = this.#rest.subarray(0, most)
    this.#rest = this.#rest.subarray(bytes.length)
    return bytes
  }

  async *pass(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0; ) {
      const bytes = await this.#next(left)
      if (bytes === null) throw odd('is cut short')
      left -= bytes.length
      yield bytes
    }
  }

  async byte(): Promise<number> {
    const bytes = await this.#next(1)
    if (bytes === null) throw odd('is cut short')
    return bytes[0] as number
  }

  /** A number below 2^49, as the request has them. */
  async number(): Promise<number> {
    let value = 0
    for (let factor = 1; factor < 2 ** 49; factor *= 128) {
      const byte = await this.byte()
      value += (byte % 128) * factor
      if (byte < 128) return value
    }
    throw odd('has a number that is too large')
  }

  async end(): Promise<void> {
    if ((await this.#next(1)) !== null) throw odd('goes on after its end')
  }

  /** Nobody wants the rest. Its end is not waited for: it may hang. */
  close(): void {
    void this.#parts.return?.()?.then(undefined, () => undefined)
  }
}

/** What is asked for is not held; the error says of which content. */
const notHeld = (sha256: Sha256): MirrorswarmError =>
  Object.assign(new MirrorswarmError('MS_CONTENT_NOT_HELD', `${sha256} is not held there`), {
    sha256,
  })

/**
 * What a source answers to these asks, one after the other: runs and chunk hashes; anchors have
 * `anchors` of their own. Throws MS_CONTENT_NOT_HELD (with `sha256`), MS_ANSWER_INVALID when the
 * answer has not exactly the bytes asked for, and what the source throws.
 */
export async function* askSource(
  source: RangesSource,
  asks: readonly RangesAsk[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (const request of requestsFor(asks)) {
    const reader = new AnswerReader(await source.send(encodeRequest(request), signal))
    try {
      await checkVersion(reader)
      for (const ask of request) {
        await checkStatus(reader, ask.sha256)
        yield* reader.pass(askedBytes(ask))
      }
      await reader.end()
    } finally {
      reader.close()
    }
  }
}

const checkVersion = async (reader: AnswerReader): Promise<void> => {
  if ((await reader.byte()) !== answerVersion) throw odd('is of another version')
}

const checkStatus = async (reader: AnswerReader, sha256: Sha256): Promise<void> => {
  const status = await reader.byte()
  if (status === answerNotHeld) throw notHeld(sha256)
  if (status !== answerHere) throw odd('has an odd status')
}

const collect = async (parts: AsyncIterable<Uint8Array>, length: number): Promise<Buffer> => {
  const bytes = Buffer.allocUnsafe(length)
  let at = 0
  for await (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

const checkedShape = async (reader: AnswerReader): Promise<FormShape> => {
  const [textBytes, tokenBytes] = [await reader.number(), await reader.number()]
  return { textBytes, tokenBytes, frameBytes: await reader.number() }
}

/** What a source says of the form of a content, and then what was asked of it. */
async function* askForm(
  source: RangesSource,
  sha256: Sha256,
  asked: {
    readonly shape: FormShape
    readonly runs?: readonly Run[]
    readonly chunks?: ChunkAsk[]
  },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { shape, ...ranges } = asked
  for (const request of requestsFor([{ sha256, form: true, ...ranges }])) {
    const reader = new AnswerReader(await source.send(encodeRequest(request), signal))
    try {
      await checkVersion(reader)
      for (const { runs = [], chunks = [] } of request) {
        await checkStatus(reader, sha256)
        if (!isSameShape(await checkedShape(reader), shape)) throw odd('is of another form')
        yield* readParts(reader, runsBytes(runs))
        yield* reader.pass(askedBytes({ sha256, chunks }))
      }
      await reader.end()
    } finally {
      reader.close()
    }
  }
}

const isSameShape = (one: FormShape, other: FormShape): boolean =>
  one.textBytes === other.textBytes &&
  one.tokenBytes === other.tokenBytes &&
  one.frameBytes === other.frameBytes

async function* readParts(reader: AnswerReader, length: number): AsyncGenerator<Uint8Array> {
  for (let left = length; left > 0; ) {
    const packed = await reader.number()
    if (packed > mostFormPartBytes) throw odd('has a part that is too large')
    const inflated = Math.min(left, formPartBytes)
    yield await inflatePart(await collect(reader.pass(packed), packed), inflated)
    left -= inflated
  }
}

const askShape = async (
  source: RangesSource,
  sha256: Sha256,
  signal: AbortSignal,
): Promise<FormShape> => {
  const body = encodeRequest([{ sha256, form: true }])
  const reader = new AnswerReader(await source.send(body, signal))
  try {
    await checkVersion(reader)
    await checkStatus(reader, sha256)
    const shape = await checkedShape(reader)
    await reader.end()
    return shape
  } finally {
    reader.close()
  }
}

/** As many anchors as a content of this size can have. */
const mostAnchors = (sizeBytes: number): number => Math.floor(sizeBytes / anchorChunkFloor) + 1

const askAnchors = async (
  source: RangesSource,
  content: { readonly sha256: Sha256; readonly sizeBytes: number },
  signal: AbortSignal,
): Promise<Buffer> => {
  const { sha256, sizeBytes } = content
  const request = encodeRequest([{ sha256, anchors: true }])
  const reader = new AnswerReader(await source.send(request, signal))
  try {
    await checkVersion(reader)
    await checkStatus(reader, sha256)
    const length = await reader.number()
    if (length % anchorBytes !== 0 || length > mostAnchors(sizeBytes) * anchorBytes) {
      throw odd('has a list of anchors that this content cannot have')
    }
    const anchors = await collect(reader.pass(length), length)
    await reader.end()
    return anchors
  } finally {
    reader.close()
  }
}

/** How long a source that is busy wants to be left alone; null when it said nothing of the kind. */
const pauseAfter = (error: unknown): number | null => {
  const { retryAfterMs } = (error ?? {}) as { retryAfterMs?: unknown }
  return typeof retryAfterMs === 'number' && retryAfterMs >= 0
    ? Math.min(retryAfterMs, busySourceWaitMs)
    : null
}

/** Asks sources about one content, in order; one that fails is not asked again, but the last one is waited for. */
export class ContentAsker {
  readonly #content: { readonly sha256: Sha256; readonly sizeBytes: number }
  readonly #sources: RangesSource[]
  readonly #logger: Logger
  readonly #timeoutMs: number

  /** `timeoutMs`: what a source may take for an answer, and a second for each 16 KiB of it. */
  constructor(
    content: { readonly sha256: Sha256; readonly sizeBytes: number },
    sources: readonly RangesSource[],
    logger: Logger,
    timeoutMs = requestTimeoutMs,
  ) {
    this.#content = content
    this.#sources = [...sources]
    this.#logger = logger
    this.#timeoutMs = timeoutMs
  }

  /** Hashes of chunks inside the content. Rejects when no source has them. */
  async hashes(ask: ChunkAsk, signal: AbortSignal): Promise<Buffer> {
    const asks = [{ sha256: this.#content.sha256, chunks: [ask] }]
    const length = asks.reduce((sum, each) => sum + askedBytes(each), 0)
    return await this.#first(length, signal, (source, limited) =>
      collect(askSource(source, asks, limited), length),
    )
  }

  /** The whole list of anchors. Rejects when no source has it. */
  async anchors(signal: AbortSignal): Promise<Buffer> {
    // It may have to be computed from all of the content first.
    return await this.#first(this.#content.sizeBytes / 16, signal, (source, limited) =>
      askAnchors(source, this.#content, limited),
    )
  }

  /** The shape of its unpacked form. Rejects when no source has one. */
  async shape(signal: AbortSignal): Promise<FormShape> {
    const { sha256, sizeBytes } = this.#content
    // It may have to be made first.
    const length = (sizeBytes / formBytesPerSecond) * slowAnswerBytesPerSecond
    return await this.#first(length, signal, (source, limited) => askShape(source, sha256, limited))
  }

  /** The same of chunks of a form of this shape. */
  async formHashes(shape: FormShape, ask: ChunkAsk, signal: AbortSignal): Promise<Buffer> {
    const { sha256 } = this.#content
    const length = askedBytes({ sha256, chunks: [ask] })
    return await this.#first(length, signal, (source, limited) =>
      collect(askForm(source, sha256, { shape, chunks: [ask] }, limited), length),
    )
  }

  /**
   * Runs of a form of this shape, one after the other as they come, given to what `begin` returns: it
   * is called again when another source is asked, which begins with the first one.
   */
  async formRuns(
    shape: FormShape,
    runs: readonly Run[],
    begin: () => (bytes: Uint8Array) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { sha256 } = this.#content
    await this.#first(runsBytes(runs), signal, async (source, limited) => {
      const take = begin()
      for await (const bytes of askForm(source, sha256, { shape, runs }, limited)) {
        limited.throwIfAborted()
        await take(bytes)
      }
    })
  }

  async #first<T>(
    length: number,
    signal: AbortSignal,
    ask: (source: RangesSource, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const timeoutMs = this.#timeoutMs + (length / slowAnswerBytesPerSecond) * 1000
    let last: unknown = new MirrorswarmError('MS_CONTENT_NOT_HELD', 'there is nobody to ask')
    for (let waits = 0; ; ) {
      signal.throwIfAborted()
      const [source] = this.#sources
      if (source === undefined) throw last
      try {
        return await within(timeoutMs, signal, limited => ask(source, limited))
      } catch (error) {
        if (signal.aborted) throw signal.reason
        last = error
        const pauseMs = this.#sources.length === 1 ? pauseAfter(error) : null
        if (pauseMs !== null && waits < busySourceWaits) {
          waits += 1
          await delay(pauseMs, undefined, { signal })
          continue
        }
        this.#sources.shift()
        if (isMirrorswarmError(error, 'MS_CONTENT_NOT_HELD')) continue
        const fields = { source: source.name, reason: describeError(error) }
        this.#logger.debug({ ...fields, sha256: this.#content.sha256 }, 'no hashes from there')
      }
    }
  }
}

/** The work's result, unless the time is over or the signal aborted before, whatever it does then. */
const within = async <T>(
  timeoutMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const end = new AbortController()
  const ended = Promise.withResolvers<never>()
  const stop = (reason: unknown): void => {
    end.abort(reason)
    ended.reject(reason)
  }
  const cancel = (): void => stop(signal.reason)
  const late = (): void => stop(odd('took too long'))
  const timer = setTimeout(late, timeoutMs)
  signal.addEventListener('abort', cancel, { once: true })
  try {
    return await Promise.race([work(end.signal), ended.promise])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', cancel)
  }
}
