// The contents that signed indexes name, made by the publisher and read by the origin: a bitmap in a
// file of the data folder, named with the snapshot that it was made from.

import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LRUCache } from 'lru-cache'
import Type from 'typebox'
import { writeFileDurably } from '../core/durable-file.ts'
import { describeError, systemCode } from '../core/errors.ts'
import type { Epoch, RepoPath, Sha256, SnapshotNumber } from '../core/ids.ts'
import type { Logger } from '../core/log.ts'
import { rememberedIndexBytes } from '../core/selection-limits.ts'
import type { KeptStore } from '../manifest/kept-store.ts'
import { collectSigned } from '../manifest/signed-contents.ts'
import type { ManifestReader } from '../manifest/store/reader.ts'
import { Holdings } from '../tracker/holdings.ts'
import { checkContainers, messageParser, wireContainers } from '../tracker/messages.ts'

const positive = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const parseStored = messageParser(
  Type.Object({
    format: Type.Literal(1),
    epoch: positive,
    snapshot: positive,
    containers: wireContainers,
  }),
  'signed contents',
  'MS_DATA_CORRUPT',
)

const signedFile = (dataDir: string): string => join(dataDir, 'signed-contents.json')

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

/** The origin's side: what was written last, in memory. */
export class SignedReader {
  readonly #dataDir: string
  readonly #logger: Logger
  #contents = new Holdings()
  #snapshot: { readonly epoch: Epoch; readonly number: SnapshotNumber } | null = null

  constructor(dataDir: string, logger: Logger) {
    this.#dataDir = dataDir
    this.#logger = logger
  }

  get contents(): Holdings {
    return this.#contents
  }

  /** The snapshot that it was made from; null: nothing was read. */
  get snapshot(): { readonly epoch: Epoch; readonly number: SnapshotNumber } | null {
    return this.#snapshot
  }

  /** Read what is there now. What cannot be read counts as nothing: the origin serves it itself. */
  async refresh(): Promise<void> {
    const file = signedFile(this.#dataDir)
    try {
      const stored = parseStored(JSON.parse(await readFile(file, 'utf8')))
      checkContainers(stored.containers)
      this.#contents = Holdings.decode(stored.containers)
      this.#snapshot = { epoch: stored.epoch, number: stored.snapshot }
    } catch (error) {
      this.#contents = new Holdings()
      this.#snapshot = null
      if (systemCode(error) === 'ENOENT') return
      this.#logger.warn({ file, error: describeError(error) }, 'signed contents cannot be read')
    }
  }
}
