// What the bytes of a content should be: from the origin's own file or kept copy, and where that was
// changed, from the hashes that the manifest has. It knows nothing of who sent what is compared.

import { isMirrorswarmError } from '../../core/errors.ts'
import { chunkHashBytes, coarseChunkBytes } from '../../core/kernel/chunk-map.ts'
import type { Kernel } from '../../core/kernel/kernel.ts'
import { sha256Hex } from '../../core/keys.ts'
import type { FileContent } from '../../manifest/model.ts'
import type { ManifestReader } from '../../manifest/store/reader.ts'
import type { ContentSource } from '../../prsync/ranges-answer.ts'

export interface ExpectedBytesParts {
  readonly source: ContentSource
  readonly reader: Pick<ManifestReader, 'coarseChunkHashes'>
  readonly kernel: Pick<Kernel, 'chunkHashes'>
}

export class ExpectedBytes {
  readonly #parts: ExpectedBytesParts

  constructor(parts: ExpectedBytesParts) {
    this.#parts = parts
  }

  /** Whether these are the content's bytes from `offset` on; null: nothing here can tell. */
  async matches(content: FileContent, offset: number, bytes: Uint8Array): Promise<boolean | null> {
    if (offset + bytes.length > content.sizeBytes) return false
    if (bytes.length === content.sizeBytes) return sha256Hex(bytes) === content.sha256
    const expected = await this.#read(content, offset, bytes.length)
    if (expected !== null) return expected.equals(bytes)
    return this.#matchesHashes(content, offset, bytes)
  }

  /** SHA-256 of a part; null: nothing here can tell. */
  async sha256(content: FileContent, offset: number, length: number): Promise<string | null> {
    if (offset === 0 && length === content.sizeBytes) return content.sha256
    if (offset + length > content.sizeBytes) return null
    const expected = await this.#read(content, offset, length)
    return expected === null ? null : sha256Hex(expected)
  }

  async #read(content: FileContent, offset: number, length: number): Promise<Buffer | null> {
    const open = await this.#parts.source.open(content.sha256)
    if (open === null) return null
    try {
      return await open.read(offset, length)
    } catch (error) {
      if (isMirrorswarmError(error, 'MS_FILE_CHANGED')) return null
      throw error
    } finally {
      await open.close()
    }
  }

  /** The whole 64 KiB chunks among the bytes, by their stored hashes. */
  #matchesHashes(content: FileContent, offset: number, bytes: Uint8Array): boolean | null {
    const stored = this.#parts.reader.coarseChunkHashes(content.number)
    const first = Math.ceil(offset / coarseChunkBytes)
    const skip = first * coarseChunkBytes - offset
    const count = Math.floor((bytes.length - skip) / coarseChunkBytes)
    if (stored === null || count < 1) return null
    const whole = bytes.subarray(skip, skip + count * coarseChunkBytes)
    const end = (first + count) * chunkHashBytes
    if (end > stored.length) return null
    const made = Buffer.from(this.#parts.kernel.chunkHashes(whole, coarseChunkBytes))
    return made.equals(stored.subarray(first * chunkHashBytes, end))
  }
}
