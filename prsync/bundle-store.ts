// The bytes of one bundle, wherever they are: members held in the mirror, or partial files of those
// on their way. webtorrent sees it as its chunk store; padding is in no file and read as zeros.

import type { ChunkStore } from 'webtorrent/lib/torrent.js'
import { isMirrorswarmError, systemCode } from '../core/errors.ts'
import type { ContentNumber } from '../core/ids.ts'
import { type LoadedBundle, pieceIsRight } from './bundle.ts'
import type { HeldFiles } from './held-files.ts'
import { piecesOf, placeOf } from './logic/layout.ts'
import type { PartialFiles } from './partial-files.ts'

export interface BundleStoreParts {
  readonly held: HeldFiles
  readonly partials: PartialFiles
  /** A member's bytes are not here any more, or not those that were verified. */
  readonly onLost: (member: number, error: unknown) => void
}

const isLoss = (error: unknown): boolean =>
  isMirrorswarmError(error, 'MS_CONTENT_NOT_HELD') ||
  isMirrorswarmError(error, 'MS_FILE_CHANGED') ||
  systemCode(error) === 'ENOENT'

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
  async read(index: number, offset: number, length: number): Promise<Uint8Array> {
    const place = placeOf(this.#bundle.layout, index)
    const realBytes = Math.max(0, Math.min(length, place.lengthBytes - offset))
    const data =
      realBytes > 0
        ? await this.#readMember(place.member, place.offset + offset, realBytes)
        : Buffer.alloc(0)
    if (realBytes === length) return data
    const padded = Buffer.alloc(length)
    padded.set(data)
    return padded
  }

  /** Write a verified piece (without padding) of a member that is on its way. */
  async write(index: number, data: Uint8Array): Promise<void> {
    const place = placeOf(this.#bundle.layout, index)
    const member = this.#bundle.members[place.member]
    if (member !== undefined) await this.#parts.partials.write(member, place, data)
  }

  /** The pieces of a member that an earlier run wrote, after hashing them again. */
  async resume(member: number): Promise<number[]> {
    const content = this.#bundle.members[member]
    if (content === undefined) return []
    const { pieceLengthBytes } = this.#bundle.layout
    const { first } = piecesOf(this.#bundle.layout, member)
    const right: number[] = []
    for (const ordinal of await this.#parts.partials.written(content, pieceLengthBytes)) {
      const { offset, lengthBytes } = placeOf(this.#bundle.layout, first + ordinal)
      const data = await this.#parts.partials
        .read(content.sha256, offset, lengthBytes)
        .catch(error => {
          if (isLoss(error)) return undefined
          throw error
        })
      if (data !== undefined && (await pieceIsRight(this.#bundle, first + ordinal, data))) {
        right.push(first + ordinal)
      }
    }
    return right
  }

  async #readMember(index: number, offset: number, length: number): Promise<Buffer> {
    const member = this.#bundle.members[index]
    if (member === undefined) throw new Error(`no member ${index}`)
    try {
      if (this.#held.has(member.number)) return await this.#parts.held.read(member, offset, length)
      try {
        return await this.#parts.partials.read(member.sha256, offset, length)
      } catch (error) {
        // It may just have been put in place.
        if (!isLoss(error)) throw error
        return await this.#parts.held.read(member, offset, length)
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
