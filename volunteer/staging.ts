// Where verified metadata waits until every pool file of its snapshot is in place. Files are named by
// their SHA-256; they are verified again when they are put in place.

import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../core/errors.ts'
import { isSha256, type Sha256 } from '../core/ids.ts'
import type { Content } from '../manifest/model.ts'

export class Staging {
  readonly #folder: string
  readonly #staged = new Set<Sha256>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Find what an earlier run staged. */
  async start(): Promise<void> {
    for (const name of await readdir(this.#folder)) if (isSha256(name)) this.#staged.add(name)
  }

  file(sha256: Sha256): string {
    return join(this.#folder, sha256)
  }

  has(sha256: Sha256): boolean {
    return this.#staged.has(sha256)
  }

  /** Take a verified file (on the same file system). */
  async take(content: Content, file: string): Promise<void> {
    await rename(file, this.file(content.sha256))
    this.#staged.add(content.sha256)
  }

  /** The file was consumed, or must go. */
  async drop(sha256: Sha256): Promise<void> {
    this.#staged.delete(sha256)
    await rm(this.file(sha256), { force: true })
  }

  /** Forget what has another size than it should (or is gone), and what nobody waits for. */
  async tidy(isNeeded: (sha256: Sha256) => { readonly sizeBytes: number } | null): Promise<void> {
    for (const sha256 of [...this.#staged]) {
      const content = isNeeded(sha256)
      if (content === null || content.sizeBytes !== (await this.#sizeOf(sha256))) {
        await this.drop(sha256)
      }
    }
  }

  async #sizeOf(sha256: Sha256): Promise<number | null> {
    try {
      return (await stat(this.file(sha256))).size
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return null
      throw error
    }
  }
}
