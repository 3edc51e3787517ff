// Reads members that this volunteer holds, from wherever they lie in its mirror. A file that is no
// longer the one that was verified (size or time differ) is not read: its bytes have no known hash.

import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { type Clock, systemClock } from '../core/clock.ts'
import { isMirrorswarmError, MirrorswarmError, systemCode } from '../core/errors.ts'
import type { ContentNumber } from '../core/ids.ts'
import { heldFileCheckMs } from '../core/limits.ts'
import type { BundleMember } from './bundle.ts'
import type { FileHandles } from './file-handles.ts'

/** A file that holds a content, as it was when its SHA-256 was verified. */
export interface HeldFile {
  readonly file: string | Buffer
  readonly sizeBytes: number
  readonly modifiedNs: bigint
}

/** Where held contents lie; null when the content is not held (any more). */
export interface PieceSource {
  openHeld(content: ContentNumber): Promise<HeldFile | null>
}

interface Check {
  readonly held: HeldFile
  checkedMs: number
}

export class HeldFiles {
  readonly #source: PieceSource
  readonly #handles: FileHandles
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #checks = new WeakMap<FileHandle, Check>()

  constructor(
    source: PieceSource,
    handles: FileHandles,
    clock: Pick<Clock, 'monotonicMs'> = systemClock,
  ) {
    this.#source = source
    this.#handles = handles
    this.#clock = clock
  }

  /**
   * Fill `buffer` with what is at `offset`. Throws MS_CONTENT_NOT_HELD when the content is gone and
   * MS_FILE_CHANGED when its file is another than the one verified.
   */
  async read(member: BundleMember, offset: number, buffer: Buffer): Promise<Buffer> {
    const { length } = buffer
    const key = `held ${member.sha256}`
    try {
      return await this.#handles.use(
        key,
        () => this.#open(member),
        async handle => {
          await this.#check(member, handle)
          let done = 0
          while (done < length) {
            const { bytesRead } = await handle.read(buffer, done, length - done, offset + done)
            if (bytesRead === 0) throw changed(member)
            done += bytesRead
          }
          return buffer
        },
      )
    } catch (error) {
      if (isMirrorswarmError(error, 'MS_FILE_CHANGED')) await this.#handles.forget(key)
      throw error
    }
  }

  /** Close the member's file, for instance because it is about to be replaced. */
  async forget(member: BundleMember): Promise<void> {
    await this.#handles.forget(`held ${member.sha256}`)
  }

  async #open(member: BundleMember): Promise<FileHandle> {
    const held = await this.#source.openHeld(member.number)
    if (held === null) throw gone(member)
    const handle = await open(held.file, 'r').catch(error => {
      throw systemCode(error) === 'ENOENT' ? gone(member, error) : error
    })
    this.#checks.set(handle, { held, checkedMs: Number.NEGATIVE_INFINITY })
    return handle
  }

  async #check(member: BundleMember, handle: FileHandle): Promise<void> {
    const check = this.#checks.get(handle)
    const nowMs = this.#clock.monotonicMs()
    if (check === undefined || nowMs - check.checkedMs < heldFileCheckMs) return
    const status = await handle.stat({ bigint: true })
    const same =
      status.mtimeNs === check.held.modifiedNs && status.size === BigInt(check.held.sizeBytes)
    if (!same || check.held.sizeBytes !== member.sizeBytes) throw changed(member)
    check.checkedMs = nowMs
  }
}

const gone = (member: BundleMember, cause?: unknown): MirrorswarmError =>
  new MirrorswarmError('MS_CONTENT_NOT_HELD', `${member.sha256} is not held`, { cause })

const changed = (member: BundleMember): MirrorswarmError =>
  new MirrorswarmError('MS_FILE_CHANGED', `the file of ${member.sha256} has changed`)
