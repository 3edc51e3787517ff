// The contents that signed indexes name, as the publisher wrote them down (signed-writer.ts): read by
// the origin, kept in memory.

import { readFile } from 'node:fs/promises'
import Type from 'typebox'
import { describeError, systemCode } from '../core/errors.ts'
import type { Epoch, SnapshotNumber } from '../core/ids.ts'
import type { Logger } from '../core/log.ts'
import { Holdings } from '../tracker/holdings.ts'
import { checkContainers, messageParser, wireContainers } from '../tracker/messages.ts'
import { signedFile } from './signed-writer.ts'

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
