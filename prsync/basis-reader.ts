// Reads a local file from which bytes are to be taken, as long as it is still the one that was found:
// folders belong to others, who may change them at any time.

import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { BasisFile } from './matcher.ts'

export class BasisReader {
  readonly #handle: FileHandle
  readonly #basis: BasisFile
  /** One for all reads: new ones cost more than the reading. */
  #buffer = Buffer.alloc(0)

  private constructor(handle: FileHandle, basis: BasisFile) {
    this.#handle = handle
    this.#basis = basis
  }

  /** Null when the file is gone, unreadable or another one by now. */
  static async open(basis: BasisFile): Promise<BasisReader | null> {
    // A name that became a symlink is not followed, one that became a pipe is not waited for.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
    const handle = await open(basis.file, flags).catch(() => null)
    if (handle === null) return null
    const reader = new BasisReader(handle, basis)
    if (await reader.isSame()) return reader
    await reader.close()
    return null
  }

  /** Whether size and time are still what they were. */
  async isSame(): Promise<boolean> {
    const stats = await this.#handle.stat({ bigint: true }).catch(() => null)
    return (
      stats?.isFile() === true &&
      stats.size === BigInt(this.#basis.sizeBytes) &&
      stats.mtimeNs === this.#basis.modifiedNs
    )
  }

  /** Exactly these bytes, valid until the next read; null when they cannot be read. */
  async read(offset: number, length: number): Promise<Buffer | null> {
    if (this.#buffer.length < length) this.#buffer = Buffer.allocUnsafeSlow(length)
    const bytes = this.#buffer.subarray(0, length)
    for (let done = 0; done < length; ) {
      const part = await this.#handle
        .read(bytes, done, length - done, offset + done)
        .catch(() => null)
      if (part === null || part.bytesRead === 0) return null
      done += part.bytesRead
    }
    return bytes
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}
