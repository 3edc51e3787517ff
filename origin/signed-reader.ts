// The contents that signed indexes name, as the publisher wrote them down (signed-writer.ts): read by
// the origin, kept in memory, with what they named until lately.

import { readFile } from 'node:fs/promises'
import Type from 'typebox'
import type { Clock } from '../core/clock.ts'
import { describeError, systemCode } from '../core/errors.ts'
import type { Epoch, SnapshotNumber } from '../core/ids.ts'
import type { Logger } from '../core/log.ts'
import { Holdings } from '../tracker/holdings.ts'
import { checkContainers, messageParser, wireContainers } from '../tracker/messages.ts'
import { readHistory, type SignedHistory, writeHistory } from './former-signed-file.ts'
import type { Grace } from './grace.ts'
import { endSigned, signedAt } from './logic/former-signed.ts'
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

export interface SignedReaderOptions {
  readonly clock: Pick<Clock, 'nowMs'>
  /** For so long what indexes named no more counts as named. */
  readonly grace: Pick<Grace, 'ms'>
}

/** The origin's side: what was written last, in memory. */
export class SignedReader {
  readonly #dataDir: string
  readonly #logger: Logger
  readonly #options: SignedReaderOptions
  /** Null: nothing was read. */
  #history: SignedHistory | null = null
  #contents = new Holdings()
  #untilMs = Number.POSITIVE_INFINITY
  #turn: Promise<void> = Promise.resolve()

  constructor(dataDir: string, logger: Logger, options: SignedReaderOptions) {
    this.#dataDir = dataDir
    this.#logger = logger
    this.#options = options
  }

  /** What signed indexes name, or named until lately. */
  get contents(): Holdings {
    if (this.#options.clock.nowMs() >= this.#untilMs) this.#gather()
    return this.#contents
  }

  /** The time of grace may be another one. */
  changed(): void {
    this.#gather()
  }

  /** The snapshot that it was made from; null: nothing was read. */
  get snapshot(): { readonly epoch: Epoch; readonly number: SnapshotNumber } | null {
    if (this.#history === null) return null
    return { epoch: this.#history.epoch, number: this.#history.snapshot }
  }

  /** Read what is there now. What cannot be read counts as nothing: the origin serves it itself. */
  refresh(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#refresh())
    return this.#turn
  }

  async #refresh(): Promise<void> {
    const file = signedFile(this.#dataDir)
    try {
      const stored = parseStored(JSON.parse(await readFile(file, 'utf8')))
      checkContainers(stored.containers)
      const contents = Holdings.decode(stored.containers)
      await this.#take({ epoch: stored.epoch, snapshot: stored.snapshot, contents })
    } catch (error) {
      this.#history = null
      if (systemCode(error) !== 'ENOENT') {
        this.#logger.warn({ file, error: describeError(error) }, 'signed contents cannot be read')
      }
    }
    this.#gather()
  }

  async #take(now: Omit<SignedHistory, 'former'>): Promise<void> {
    const before = this.#history ?? (await this.#readHistory())
    // Numbers of another epoch mean other contents.
    const isSame = before?.epoch === now.epoch && before.snapshot <= now.snapshot
    const { clock, grace } = this.#options
    const change = { before: isSame ? before.contents : new Holdings(), now: now.contents }
    const known = isSame ? before.former : []
    this.#history = { ...now, former: endSigned(known, change, clock.nowMs(), grace.ms) }
    if (isSame && before.snapshot === now.snapshot) return
    try {
      await writeHistory(this.#dataDir, this.#history)
    } catch (error) {
      const problem = { error: describeError(error) }
      this.#logger.warn(problem, 'what signed indexes named is forgotten at the next start')
    }
  }

  async #readHistory(): Promise<SignedHistory | null> {
    try {
      return await readHistory(this.#dataDir)
    } catch (error) {
      const problem = { error: describeError(error) }
      this.#logger.warn(problem, 'what signed indexes named before cannot be read')
      return null
    }
  }

  #gather(): void {
    const { clock, grace } = this.#options
    const { contents = new Holdings(), former = [] } = this.#history ?? {}
    const gathered = signedAt(contents, former, clock.nowMs(), grace.ms)
    this.#contents = gathered.contents
    this.#untilMs = gathered.untilMs
  }
}
