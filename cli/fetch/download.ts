// Fetches the missing pieces of a file from many sources at the same time. Which piece comes from whom
// is decided in logic/; here requests are made and pieces written.

import { setTimeout as delay } from 'node:timers/promises'
import {
  describeError,
  isMirrorswarmError,
  MirrorswarmError,
  systemCode,
} from '../../core/errors.ts'
import {
  fetchJobBytes,
  fetchJobLeastBytes,
  fetchJobsEach,
  fetchPatienceMs,
} from '../../core/fetch-limits.ts'
import type { Described } from './describe.ts'
import { Board, type Job } from './logic/board.ts'
import {
  afterFailure,
  afterSuccess,
  bestRate,
  freshSource,
  isAlive,
  isSlow,
  pickSource,
  type SourceState,
} from './logic/sources.ts'
import type { PartialFile } from './partial-file.ts'
import { transfer } from './transfer.ts'
import type { Web } from './web.ts'

/** How long a worker without work waits before it looks again. */
const idleMs = 50

export interface DownloadParts {
  readonly web: Web
  readonly file: Described
  readonly partial: PartialFile
  readonly nowMs: () => number
  /** Bytes that are verified and written. */
  readonly onProgress: (bytes: number) => void
  /** A source failed, for the person who watches. */
  readonly onTrouble: (text: string) => void
}

class WrongBytes extends Error {}
class TooSlow extends Error {}

export class Download {
  readonly #parts: DownloadParts
  readonly #board: Board
  readonly #connections: number
  readonly #sources: SourceState[]
  #lastTrouble: unknown = null
  /** Bytes received by each source. */
  readonly received = new Map<string, number>()

  /** `connections`: requests at the same time. */
  constructor(parts: DownloadParts, missing: readonly number[], connections: number) {
    this.#connections = connections
    this.#parts = parts
    const { pieceLengthBytes } = parts.file.pieces
    // Small enough that all sources end at about the same time.
    const fair = (missing.length * pieceLengthBytes) / (connections * fetchJobsEach)
    const jobBytes = Math.min(fetchJobBytes, Math.max(fetchJobLeastBytes, fair))
    this.#board = new Board(missing, Math.floor(jobBytes / pieceLengthBytes))
    this.#sources = parts.file.sources.map(({ name, last }) => freshSource(name, last))
  }

  /** Resolves when all pieces are here; rejects when no source is left, or the disk fails. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController()
    const both = AbortSignal.any([signal, stop.signal])
    const workers = Array.from({ length: this.#connections }, () => this.#work(both))
    try {
      // Who is first to see that nothing is missing ends the requests of the others.
      await Promise.race(workers)
    } finally {
      stop.abort()
      await Promise.allSettled(workers)
    }
    signal.throwIfAborted()
  }

  async #work(signal: AbortSignal): Promise<void> {
    const { nowMs } = this.#parts
    while (!this.#board.finished) {
      signal.throwIfAborted()
      if (!this.#sources.some(isAlive)) throw this.#failure()
      const index = pickSource(this.#sources, nowMs())
      const source = index === null ? undefined : this.#parts.file.sources[index]
      const job = source === undefined ? null : this.#board.take(source, nowMs(), fetchPatienceMs)
      if (index === null || job === null) {
        await delay(idleMs, undefined, { signal })
        continue
      }
      await this.#attempt(index, job, signal)
    }
  }

  async #attempt(index: number, job: Job, signal: AbortSignal): Promise<void> {
    this.#update(index, state => ({ ...state, active: state.active + 1 }))
    try {
      await this.#fetch(index, job, signal)
    } catch (error) {
      if (signal.aborted || systemCode(error)?.startsWith('E') === true) throw error
      this.#note(index, error)
    } finally {
      this.#board.leave(job)
      this.#update(index, state => ({ ...state, active: state.active - 1 }))
    }
  }

  async #fetch(index: number, job: Job, signal: AbortSignal): Promise<void> {
    const { web, file, partial, nowMs, onProgress } = this.#parts
    const source = file.sources[index]
    if (source === undefined) return
    const quit = new AbortController()
    const both = AbortSignal.any([signal, quit.signal])
    const startMs = nowMs()
    let bytes = 0
    const onBytes = (more: number): void => {
      bytes += more
      this.received.set(source.name, (this.received.get(source.name) ?? 0) + more)
      const ms = nowMs() - startMs
      if (ms > fetchPatienceMs && isSlow((bytes * 1000) / ms, bestRate(this.#sources))) {
        quit.abort(new TooSlow(`${source.name} is far slower than others`))
      }
      // Somebody else was quicker.
      if (!this.#board.isUseful(job)) quit.abort()
    }
    const pieces = transfer({ web, file }, source, job, onBytes, both)
    try {
      for await (const piece of remote(pieces)) {
        if (!partial.isRight(piece.index, piece.bytes)) {
          throw new WrongBytes(`${source.name} sent wrong bytes; it is not asked again`)
        }
        if (!this.#board.isMissing(piece.index)) continue
        await partial.write(piece.index, piece.bytes)
        if (!this.#board.isMissing(piece.index)) continue
        this.#board.done(piece.index)
        onProgress(piece.bytes.length)
      }
    } catch (error) {
      if (quit.signal.reason instanceof TooSlow) throw quit.signal.reason
      if (!quit.signal.aborted) throw error
    }
    const ms = nowMs() - startMs
    this.#update(index, state => afterSuccess(state, bytes, ms))
  }

  #note(index: number, error: unknown): void {
    this.#lastTrouble = error
    const { onTrouble, nowMs } = this.#parts
    onTrouble(describeError(error))
    const gone = error instanceof WrongBytes || isFinal(error)
    this.#update(index, state => ({
      ...afterFailure(state, nowMs()),
      banned: state.banned || gone,
    }))
    if (error instanceof TooSlow) {
      this.#update(index, state => ({ ...state, bytesPerSecond: 0 }))
    }
  }

  #update(index: number, change: (state: SourceState) => SourceState): void {
    const state = this.#sources[index]
    if (state !== undefined) this.#sources[index] = change(state)
  }

  #failure(): unknown {
    const error = this.#lastTrouble
    if (isMirrorswarmError(error)) return error
    return new MirrorswarmError('MS_REMOTE_UNREACHABLE', `no source is left`, { cause: error })
  }
}

/** A source that answers so will answer so again. */
const isFinal = (error: unknown): boolean =>
  isMirrorswarmError(error) &&
  ['MS_AUTH_REQUIRED', 'MS_PATH_FORBIDDEN', 'MS_PATH_NOT_FOUND', 'MS_FILE_CHANGED'].includes(
    error.code,
  )

/** What fails while bytes come is the source's fault, also where it looks like the system's. */
async function* remote<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items
  } catch (error) {
    if (isMirrorswarmError(error)) throw error
    throw new MirrorswarmError('MS_REMOTE_UNREACHABLE', describeError(error), { cause: error })
  }
}
