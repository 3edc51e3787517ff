// One download: the wanted members of one bundle, taken up where an earlier run left them, and handed
// over one by one as they become complete. How bytes come is the torrent's business.

import { isMirrorswarmError, MirrorswarmError } from '../core/errors.ts'
import type { ContentNumber } from '../core/ids.ts'
import { concurrentHandovers } from '../core/limits.ts'
import type { BundleMember } from './bundle.ts'
import type { Resumed } from './bundle-store.ts'
import { piecesOf, placeOf } from './logic/layout.ts'
import type { PartialFiles } from './partial-files.ts'
import type { Prefills } from './prefills.ts'
import type { DownloadListener, SwarmTorrent } from './swarm-torrent.ts'

/**
 * Takes a complete member out of its partial file: checks its SHA-256 and puts it in place (the file
 * may be renamed away). A rejection with MS_CONTENT_MISMATCH drops the partial file.
 */
export type MemberHandler = (content: ContentNumber, partialFile: string) => Promise<void>

export interface DownloadParts {
  readonly torrent: SwarmTorrent
  readonly partials: PartialFiles
  /** Looks for local bytes; null when nobody does. */
  readonly prefills: Prefills | null
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
  /** Pieces that will be fetched in a moment. */
  readonly #wanted: number[] = []
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
    const ended = new AbortController()
    const abort = (): void => this.#end.reject(signal.reason)
    signal.throwIfAborted()
    signal.addEventListener('abort', abort, { once: true })
    const missing = this.#missing(wanted)
    const preparing = this.#prepare(missing, AbortSignal.any([signal, ended.signal]))
    preparing.catch(error => this.#end.reject(error))
    try {
      if (this.#unfinished === 0) this.#end.resolve()
      await this.#end.promise
    } finally {
      signal.removeEventListener('abort', abort)
      ended.abort()
      await preparing.catch(() => undefined)
      this.#wanted.length = 0
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

  /** The positions of the wanted members that are not held. */
  #missing(wanted: readonly ContentNumber[]): number[] {
    const { torrent } = this.#parts
    const { layout, members } = torrent.bundle
    const asked = new Set(wanted)
    const missing: number[] = []
    for (const [position, member] of members.entries()) {
      if (!asked.delete(member.number) || torrent.content.holds(position)) continue
      this.#unfinished++
      this.#remaining.set(position, piecesOf(layout, position).count)
      missing.push(position)
    }
    if (asked.size > 0) {
      throw new MirrorswarmError('MS_INTERNAL', `content ${[...asked][0]} is not in this bundle`)
    }
    return missing
  }

  /** Find what is here already of each member, and fetch the rest; the easiest ones first. */
  async #prepare(missing: readonly number[], signal: AbortSignal): Promise<void> {
    const { torrent, partials, prefills } = this.#parts
    const { members } = torrent.bundle
    const begun = await partials.names()
    const isBegun = (position: number): boolean => {
      const member = members[position]
      return member !== undefined && begun.has(member.sha256)
    }
    const fresh = missing.filter(position => !isBegun(position))
    signal.throwIfAborted()
    torrent.begin([], this)
    if (prefills === null) for (const position of fresh) this.#want(position)
    const unfilled: Promise<void>[] = []
    const prefill = (position: number): void => {
      const filling = this.#prefill(position, signal)
      filling.catch(error => this.#end.reject(error))
      unfilled.push(filling)
    }
    if (prefills !== null) for (const position of fresh) prefill(position)
    try {
      for (const position of missing.filter(isBegun)) {
        const { isPrefilled, isBegun } = await this.#resume(position, signal)
        if (prefills === null || isPrefilled || isBegun) this.#want(position)
        else prefill(position)
      }
    } finally {
      await Promise.allSettled(unfilled)
    }
  }

  async #prefill(position: number, signal: AbortSignal): Promise<void> {
    const { torrent, prefills } = this.#parts
    const member = torrent.bundle.members[position]
    if (member === undefined) return
    await prefills?.run(member, signal)
    await this.#resume(position, signal)
    this.#want(position)
  }

  /** Count what is here of a member, and fetch of the pieces it lacks no more than that. */
  async #resume(position: number, signal: AbortSignal): Promise<Resumed> {
    const { torrent } = this.#parts
    const resumed = await torrent.content.resume(position, index => torrent.setPiece(index), signal)
    signal.throwIfAborted()
    for (const [index, runs] of resumed.lacking) torrent.setLacking(index, runs)
    return resumed
  }

  /** Fetch what is missing of a member, together with others that are ready now. */
  #want(position: number): void {
    const { torrent } = this.#parts
    const { first, count } = piecesOf(torrent.bundle.layout, position)
    const left = Array.from({ length: count }, (_, ordinal) => first + ordinal).filter(
      index => !torrent.hasPiece(index),
    )
    this.#remaining.set(position, left.length)
    if (left.length === 0) this.#complete(position)
    if (this.#wanted.length === 0) setImmediate(() => this.#begin())
    for (const index of left) this.#wanted.push(index)
  }

  #begin(): void {
    const wanted = this.#wanted.splice(0)
    if (wanted.length > 0) this.#parts.torrent.begin(wanted, this)
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
