// The contents that signed indexes name, written down by the publisher: a bitmap in a file of the data
// folder, named with the snapshot that it was made from. Runs in the publisher's thread, so it must
// not load what only the origin's main thread needs (schemas of messages).

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { LRUCache } from 'lru-cache'
import { writeFileDurably } from '../core/durable-file.ts'
import type { RepoPath, Sha256 } from '../core/ids.ts'
import { rememberedIndexBytes } from '../core/selection-limits.ts'
import type { KeptStore } from '../manifest/kept-store.ts'
import { collectSigned } from '../manifest/signed-contents.ts'
import type { ManifestReader } from '../manifest/store/reader.ts'
import { Holdings } from '../tracker/holdings.ts'

/** Where it is written and read. */
export const signedFile = (dataDir: string): string => join(dataDir, 'signed-contents.json')

export interface SignedWriterParts {
  readonly root: string
  readonly dataDir: string
  readonly reader: ManifestReader
  readonly kept: KeptStore
}

/** The publisher's side. */
export class SignedWriter {
  readonly #parts: SignedWriterParts
  readonly #known = new LRUCache<Sha256, Uint32Array>({
    maxSize: rememberedIndexBytes,
    sizeCalculation: contents => contents.byteLength + 64,
  })

  constructor(parts: SignedWriterParts) {
    this.#parts = parts
  }

  /** Gather what the newest snapshot's signed indexes name, and write it down. */
  async update(
    indexes: readonly RepoPath[],
    options: {
      readonly signal: AbortSignal
      onProblem(path: RepoPath, reason: string): void
    },
  ): Promise<void> {
    const { root, dataDir, reader, kept } = this.#parts
    const latest = reader.latest()
    const identity = reader.identity()
    if (latest === null || identity === null) return
    const contents = new Holdings()
    const snapshot = latest.number
    await collectSigned(
      { root, reader, kept, snapshot, indexes, known: this.#known, ...options },
      content => contents.add(content),
    )
    // Most repositories that need no such file should have none.
    if (contents.count === 0 && !existsSync(signedFile(dataDir))) return
    const stored = { format: 1, epoch: identity.epoch, snapshot, containers: contents.encode() }
    await writeFileDurably(signedFile(dataDir), JSON.stringify(stored))
  }
}
