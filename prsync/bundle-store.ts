// The bytes of one bundle, wherever they are: members held in the mirror, or partial files of those
// on their way. webtorrent sees it as its chunk store; padding is in no file and read as zeros.

import type { ChunkStore } from 'webtorrent/lib/torrent.js'
import { isMirrorswarmError, systemCode } from '../core/errors.ts'
import type { ContentNumber } from '../core/ids.ts'
import { type BundleMember, type LoadedBundle, pieceIsRight } from './bundle.ts'
import type { HeldFiles } from './held-files.ts'
import { lackingOf } from './logic/lacking.ts'
import { piecesOf, placeOf } from './logic/layout.ts'
import type { Run } from './logic/runs.ts'
import type { Fetched } from './member-piece.ts'
import type { PartialFiles } from './partial-files.ts'

export interface BundleStoreParts {
  readonly held: HeldFiles
  readonly partials: PartialFiles
  /** A member's bytes are not here any more, or not those that were verified. */
  readonly onLost: (member: number, error: unknown) => void
}

/** What an earlier run, or copying from local files, left of a member. */
export interface Resumed {
  /** Local bytes were looked for already. */
  readonly isPrefilled: boolean
  /** Some pieces are here, verified. */
  readonly isBegun: boolean
  /** What other pieces lack, by their index: all or some of their bytes. Empty without coverage. */
  readonly lacking: ReadonlyMap<number, readonly Run[]>
}

const isLoss = (error: unknown): boolean =>
  isMirrorswarmError(error, 'MS_CONTENT_NOT_HELD') ||
  isMirrorswarmError(error, 'MS_FILE_CHANGED') ||
  systemCode(error) === 'ENOENT'

/** Does what was fetched reach without a gap from `from`, where the file ends, to `to`? */
const coversEnd = (fetched: readonly Fetched[], from: number, to: number): boolean => {
  let at = from
  for (const { offset, data } of [...fetched].sort((a, b) => a.offset - b.offset)) {
    if (offset > at) break
    at = Math.max(at, offset + data.length)
  }
  return at >= to
}

export class BundleStore implements ChunkStore {
  readonly chunkLength: number
  readonly #bundle: LoadedBundle
  readonly #parts: BundleStoreParts
  readonly #held = new Set<ContentNumber>()

  constructor(bundle: LoadedBundle, parts: BundleStoreParts) {
    this.#bundle = bundle
    this.#parts = parts
    this.chunkLength = bundle.layout.pieceLengthBytes
    for (const number of bundle.held) this.#held.add(number)
  }

  /** Does the mirror hold this member? */
  holds(member: number): boolean {
    const content = this.#bundle.members[member]
    return content !== undefined && this.#held.has(content.number)
  }

  /** From now on a member is read from the mirror. */
  setHeld(member: number): void {
    const content = this.#bundle.members[member]
    if (content !== undefined) this.#held.add(content.number)
  }

  setMissing(member: number): void {
    const content = this.#bundle.members[member]
    if (content !== undefined) this.#held.delete(content.number)
  }

  /** Read a block of a piece that is here; what lies beyond the member's end is zeros. */
  async read(
    index: number,
    offset: number,
    length: number,
    into: Buffer = Buffer.allocUnsafe(length),
  ): Promise<Uint8Array> {
    const place = placeOf(this.#bundle.layout, index)
    const realBytes = Math.max(0, Math.min(length, place.lengthBytes - offset))
    if (realBytes > 0) {
      await this.#readMember(place.member, place.offset + offset, into.subarray(0, realBytes))
    }
    return into.fill(0, realBytes, length)
  }

  /**
   * Write a verified piece (without padding) of a member that is on its way: those parts of it that
   * are not in the partial file yet.
   */
  async write(
    index: number,
    data: Uint8Array,
    parts: readonly Fetched[] = [{ offset: 0, data }],
  ): Promise<void> {
    const place = placeOf(this.#bundle.layout, index)
    const member = this.#bundle.members[place.member]
    if (member !== undefined) await this.#parts.partials.write(member, place, parts)
  }

  /**
   * Find what is here of a member: each piece that was written, or covered by local bytes, and has
   * the right hash now is told to `onPiece`.
   */
  async resume(
    member: number,
    onPiece: (index: number) => void,
    signal: AbortSignal,
  ): Promise<Resumed> {
    const content = this.#bundle.members[member]
    if (content === undefined) return { isPrefilled: false, isBegun: false, lacking: new Map() }
    const { partials } = this.#parts
    const { pieceLengthBytes } = this.#bundle.layout
    const { first, count } = piecesOf(this.#bundle.layout, member)
    const written = new Set(await partials.written(content, pieceLengthBytes))
    const coverage = await partials.coverage(content.sha256)
    const lacking = new Map<number, readonly Run[]>()
    let isBegun = false
    for (let ordinal = 0; ordinal < count; ordinal++) {
      const { offset, lengthBytes } = placeOf(this.#bundle.layout, first + ordinal)
      const lacks = lackingOf(coverage ?? [], offset, lengthBytes)
      if (written.has(ordinal) || lacks.length === 0) {
        signal.throwIfAborted()
        if (await this.#isRight(content, first + ordinal)) {
          onPiece(first + ordinal)
          isBegun = true
          continue
        }
        // What was covered, or written over it, is wrong.
        lacks.splice(0, lacks.length, { offset: 0, length: lengthBytes })
      }
      if (coverage !== null && coverage.length > 0) lacking.set(first + ordinal, lacks)
    }
    return { isPrefilled: coverage !== null, isBegun, lacking }
  }

  /**
   * A whole piece out of what was fetched and the local bytes around it; null when these are not
   * there any more.
   */
  async complete(index: number, fetched: readonly Fetched[]): Promise<Uint8Array | null> {
    const place = placeOf(this.#bundle.layout, index)
    const member = this.#bundle.members[place.member]
    if (member === undefined) return null
    const { offset, lengthBytes } = place
    let piece: Buffer
    try {
      piece = await this.#parts.partials.readSome(member.sha256, offset, lengthBytes)
    } catch {
      // Gone or unreadable, whatever the reason: it is fetched instead.
      return null
    }
    if (piece.length < lengthBytes) {
      if (!coversEnd(fetched, piece.length, lengthBytes)) return null
      piece = Buffer.concat([piece], lengthBytes)
    }
    for (const { offset, data } of fetched) piece.set(data, offset)
    return piece
  }

  async #isRight(content: BundleMember, index: number): Promise<boolean> {
    const { offset, lengthBytes } = placeOf(this.#bundle.layout, index)
    try {
      const room = Buffer.allocUnsafe(lengthBytes)
      const data = await this.#parts.partials.read(content.sha256, offset, room)
      return await pieceIsRight(this.#bundle, index, data)
    } catch (error) {
      if (isLoss(error)) return false
      throw error
    }
  }

  async #readMember(index: number, offset: number, into: Buffer): Promise<Buffer> {
    const member = this.#bundle.members[index]
    if (member === undefined) throw new Error(`no member ${index}`)
    try {
      if (this.#held.has(member.number)) return await this.#parts.held.read(member, offset, into)
      try {
        return await this.#parts.partials.read(member.sha256, offset, into)
      } catch (error) {
        // It may just have been put in place.
        if (!isLoss(error)) throw error
        return await this.#parts.held.read(member, offset, into)
      }
    } catch (error) {
      if (isLoss(error)) this.#parts.onLost(index, error)
      throw error
    }
  }

  // What webtorrent wants of a chunk store; the swarm itself uses the methods above.

  get(
    index: number,
    options: { offset?: number; length?: number } | null,
    done: (error: Error | null, data?: Uint8Array) => void,
  ): void {
    const { offset = 0, length = this.chunkLength } = options ?? {}
    this.read(index, offset, length).then(
      data => done(null, data),
      error => done(asError(error)),
    )
  }

  put(index: number, data: Uint8Array, done: (error: Error | null) => void): void {
    this.write(index, data).then(
      () => done(null),
      error => done(asError(error)),
    )
  }

  close(done: (error: Error | null) => void): void {
    done(null)
  }

  /** Closes only: what is on disk belongs to the volunteer. */
  destroy(done: (error: Error | null) => void): void {
    done(null)
  }
}

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error))
