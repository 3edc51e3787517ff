// Immutable objects of the data folder, named by their SHA-256: manifest parts and metainfo. They
// are written once, durably, and never changed.

import { mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { flushFolder, writeFileDurably } from '../core/durable-file.ts'
import { MirrorswarmError, systemCode } from '../core/errors.ts'
import type { Sha256 } from '../core/ids.ts'
import { sha256Hex } from '../core/keys.ts'
import { pruneHashed } from './hashed-folder.ts'

export class ObjectStore {
  readonly #folder: string

  /** `folder` is made when the first object is put. */
  constructor(folder: string) {
    this.#folder = folder
  }

  /** The file of an object, whether or not it is there. */
  file(sha256: Sha256): string {
    return join(this.#folder, sha256.slice(0, 2), sha256)
  }

  /** The size in bytes, or null when the object is not there. */
  async sizeOf(sha256: Sha256): Promise<number | null> {
    try {
      return (await stat(this.file(sha256))).size
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return null
      throw error
    }
  }

  async has(sha256: Sha256): Promise<boolean> {
    return (await this.sizeOf(sha256)) !== null
  }

  /** Store bytes; when it resolves they survive a power cut. */
  async put(bytes: Uint8Array): Promise<Sha256> {
    const sha256 = sha256Hex(bytes) as Sha256
    if ((await this.sizeOf(sha256)) === bytes.length) return sha256
    const folder = join(this.#folder, sha256.slice(0, 2))
    const made = await mkdir(folder, { recursive: true })
    if (made !== undefined) await flushFolder(this.#folder)
    await writeFileDurably(this.file(sha256), bytes)
    return sha256
  }

  /** Remove every object but those of which this is true; only while nobody puts any. */
  prune(isNeeded: (sha256: Sha256) => boolean): Promise<{ count: number; bytes: number }> {
    return pruneHashed(this.#folder, isNeeded)
  }

  /** The bytes, checked against their name; null when the object is not there. */
  async read(sha256: Sha256): Promise<Buffer | null> {
    let bytes: Buffer
    try {
      bytes = await readFile(this.file(sha256))
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return null
      throw error
    }
    if (sha256Hex(bytes) !== sha256) {
      throw new MirrorswarmError('MS_DATA_CORRUPT', `the object ${sha256} is damaged`)
    }
    return bytes
  }
}
