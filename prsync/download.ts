// One download: the wanted members of one bundle, taken up where an earlier run left them, and handed
// over one by one as they become complete. How bytes come is the torrent's business.

import { isMirrorswarmError, MirrorswarmError } from '../core/errors.ts'
import type { ContentNumber } from '../core/ids.ts'
import { concurrentHandovers } from '../core/limits.ts'
import type { BundleMember } from './bundle.ts'
import { piecesOf, placeOf } from './logic/layout.ts'
import type { PartialFiles } from './partial-files.ts'
import type { DownloadListener, SwarmTorrent } from './swarm-torrent.ts'

/**
 * Takes a complete member out of its partial file: checks its SHA-256 and puts it in place (the file
 * may be renamed away). A rejection with MS_CONTENT_MISMATCH drops the partial file.
 */
export type MemberHandler = (content: ContentNumber, partialFile: string) => Promise<void>

export interface DownloadParts {
  readonly torrent: SwarmTorrent
  readonly partials: PartialFiles
  readonly onMember: MemberHandler
  readonly signal: AbortSignal
}

export class Download implements DownloadListener {
  readonly #parts: DownloadParts
  /** Pieces still missing, by position of the member. */
  readonly #remaining = new Map<number, number>()
  readonly #ready: number[] = []
  readonly #handovers = new Set<Promise<void>>()
  readonly #failures: unknown[] = []
  readonly #end = Promise.withResolvers<void>()
  #unfinished = 0

  constructor(parts: DownloadParts) {
    this.#parts = parts
    // Rejections are seen by `run`, which may not wait yet when the first one comes.
    this.#end.promise.catch(() => undefined)
  }

  /** Is this member being fetched or handed over here? */
  concerns(member: BundleMember): boolean {
    const position = this.#parts.torrent.bundle.members.indexOf(member)
    return this.#remaining.has(position)
  }

  /**
   * Resolves when every wanted member was handed over. Rejects with the signal's reason, with
   * MS_DISK_FULL, or, after all others are done, with the first error of `onMember`.
   */
  async run(wanted: readonly ContentNumber[]): Promise<void> {
    const { torrent, signal } = this.#parts
    const abort = (): void => this.#end.reject(signal.reason)
    signal.throwIfAborted()
    signal.addEventListener('abort', abort, { once: true })
    try {
      const missing = await this.#resume(wanted)
      signal.throwIfAborted()
      if (missing.length > 0) torrent.begin(missing, this)
      if (this.#unfinished === 0) this.#end.resolve()
      await this.#end.promise
    } finally {
      signal.removeEventListener('abort', abort)
      await torrent.end()
      this.#ready.length = 0
      await Promise.all(this.#handovers)
    }
    if (this.#failures.length > 0) throw this.#failures[0]
  }

  onPiece(index: number): void {
    const { member } = placeOf(this.#parts.torrent.bundle.layout, index)
    const remaining = this.#remaining.get(member)
    if (remaining === undefined) return
    this.#remaining.set(member, remaining - 1)
    if (remaining === 1) this.#complete(member)
  }

  onFailure(error: unknown): void {
    this.#end.reject(error)
  }

  /** Find what is here already; returns the pieces to fetch. */
  async #resume(wanted: readonly ContentNumber[]): Promise<number[]> {
    const { torrent, partials, signal } = this.#parts
    const { layout, members } = torrent.bundle
    const begun = await partials.names()
    const asked = new Set(wanted)
    const missing: number[] = []
    for (const [position, member] of members.entries()) {
      if (!asked.delete(member.number)) continue
      const { first, count } = piecesOf(layout, position)
      const pieces = Array.from({ length: count }, (_, ordinal) => first + ordinal)
      if (pieces.every(index => torrent.hasPiece(index)) && torrent.content.holds(position))
        continue
      signal.throwIfAborted()
      if (begun.has(member.sha256)) {
        for (const index of await torrent.content.resume(position)) torrent.setPiece(index)
      }
      const left = pieces.filter(index => !torrent.hasPiece(index))
      this.#unfinished++
      this.#remaining.set(position, left.length)
      if (left.length === 0) this.#complete(position)
      missing.push(...left)
    }
    if (asked.size > 0) {
      throw new MirrorswarmError('MS_INTERNAL', `content ${[...asked][0]} is not in this bundle`)
    }
    return missing
  }

  #complete(position: number): void {
    this.#ready.push(position)
    this.#handOver()
  }

  /** Hand over what is ready, a few at a time. */
  #handOver(): void {
    while (this.#handovers.size < concurrentHandovers) {
      const position = this.#ready.shift()
      const member =
        position === undefined ? undefined : this.#parts.torrent.bundle.members[position]
      if (position === undefined || member === undefined) return
      const work = this.#place(position, member).finally(() => {
        this.#handovers.delete(work)
        this.#handOver()
      })
      this.#handovers.add(work)
    }
  }

  async #place(position: number, member: BundleMember): Promise<void> {
    const { torrent, partials, onMember } = this.#parts
    try {
      await partials.close(member.sha256)
      await onMember(member.number, partials.file(member.sha256))
      await partials.release(member.sha256)
      torrent.setHeld(position)
    } catch (error) {
      if (isMirrorswarmError(error, 'MS_CONTENT_MISMATCH')) {
        torrent.setMissing(position)
        await partials.drop(member.sha256)
      }
      if (isMirrorswarmError(error, 'MS_DISK_FULL')) this.#end.reject(error)
      this.#failures.push(error)
    }
    this.#remaining.delete(position)
    this.#unfinished--
    if (this.#unfinished === 0) this.#end.resolve()
  }
}
