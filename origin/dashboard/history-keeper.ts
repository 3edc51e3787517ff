// Keeps, in a small file of the data folder, what the dashboard shows of the past. A crash loses the
// last minutes; a file that cannot be read or written costs the history only.

import { readFile } from 'node:fs/promises'
import Type from 'typebox'
import {
  historySaveMs,
  rememberedHappenings,
  trafficSamples,
  trafficSteps,
} from '../../core/dashboard-limits.ts'
import { writeFileDurably } from '../../core/durable-file.ts'
import { describeError, systemCode } from '../../core/errors.ts'
import type { Logger } from '../../core/log.ts'
import type { TrafficSample } from '../../dashboard/logic/overview.ts'
import { messageParser } from '../../tracker/messages.ts'
import { sampleKeys } from '../logic/traffic-history.ts'
import type { KeptHistory } from './recorder.ts'

const sum = Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
/** Its time, then what `sampleKeys` name: a thousand of them are written every few minutes. */
const row = Type.Tuple([sum, sum, sum, sum, sum, sum, sum])
type Row = Type.Static<typeof row>

const parseHistory = messageParser(
  Type.Object({
    fine: Type.Array(row, { maxItems: trafficSamples }),
    coarse: Type.Array(row, { maxItems: trafficSteps }),
    totals: Type.Object({
      ...{ sinceMs: sum, originBytes: sum, seedBytes: sum, servedHere: sum, redirects: sum },
      ...{ redirectedBytes: sum, fromPeersBytes: sum, fromOriginBytes: sum, reusedBytes: sum },
    }),
    happenings: Type.Array(
      Type.Object({
        ...{ atMs: sum, type: Type.String({ maxLength: 100 }) },
        text: Type.String({ maxLength: 1_000 }),
      }),
      { maxItems: rememberedHappenings },
    ),
  }),
  'history',
  'MS_DATA_CORRUPT',
)

const rowOf = (sample: TrafficSample): number[] => [
  sample.atMs,
  ...sampleKeys.map(key => Math.round(sample[key] * 1000) / 1000),
]

const sampleOf = ([atMs, ...values]: Row): TrafficSample => ({
  ...(Object.fromEntries(sampleKeys.map((key, index) => [key, values[index] ?? 0])) as Record<
    (typeof sampleKeys)[number],
    number
  >),
  atMs,
})

/** As it is written. */
export const historyText = ({ fine, coarse, totals, happenings }: KeptHistory): string =>
  `${JSON.stringify({ fine: fine.map(rowOf), coarse: coarse.map(rowOf), totals, happenings })}\n`

/** Throws SyntaxError or MS_DATA_CORRUPT. */
export const readHistory = (text: string): KeptHistory => {
  const { fine, coarse, totals, happenings } = parseHistory(JSON.parse(text))
  return { fine: fine.map(sampleOf), coarse: coarse.map(sampleOf), totals, happenings }
}

export interface HistoryKeeperParts {
  readonly file: string
  readonly logger: Logger
  readonly recorder: { readonly kept: KeptHistory; resume(kept: KeptHistory): void }
}

export class HistoryKeeper {
  readonly #parts: HistoryKeeperParts
  #timer: NodeJS.Timeout | null = null
  #saving: Promise<void> = Promise.resolve()

  constructor(parts: HistoryKeeperParts) {
    this.#parts = parts
  }

  async start(): Promise<void> {
    const { file, logger, recorder } = this.#parts
    try {
      recorder.resume(readHistory(await readFile(file, 'utf8')))
    } catch (error) {
      const isNew = systemCode(error) === 'ENOENT'
      if (!isNew) logger.warn({ error: describeError(error) }, 'former traffic is not known')
    }
    this.#timer = setInterval(() => this.#save(), historySaveMs).unref()
  }

  /** Write it down for the next start; without a start there is nothing to write. */
  async stop(): Promise<void> {
    if (this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
    await this.#save()
  }

  #save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#write())
    return this.#saving
  }

  async #write(): Promise<void> {
    const { file, logger, recorder } = this.#parts
    try {
      await writeFileDurably(file, historyText(recorder.kept), 0o600)
    } catch (error) {
      logger.warn({ error: describeError(error) }, 'traffic so far cannot be written down')
    }
  }
}
