// What signed indexes named until lately, in a file of the data folder, so that a restart of the origin
// forgets nothing. Only the origin's main thread reads and writes it.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import Type from 'typebox'
import { writeFileDurably } from '../core/durable-file.ts'
import { systemCode } from '../core/errors.ts'
import type { Epoch, SnapshotNumber } from '../core/ids.ts'
import { formerSignedSets } from '../core/selection-limits.ts'
import { Holdings } from '../tracker/holdings.ts'
import { checkContainers, messageParser, wireContainers } from '../tracker/messages.ts'
import type { FormerSet } from './logic/former-signed.ts'

const positive = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const parseFormer = messageParser(
  Type.Object({
    format: Type.Literal(1),
    epoch: positive,
    snapshot: positive,
    containers: wireContainers,
    former: Type.Array(Type.Object({ endedMs: positive, containers: wireContainers }), {
      maxItems: formerSignedSets,
    }),
  }),
  'former signed contents',
  'MS_DATA_CORRUPT',
)

/** Which contents which snapshot's signed indexes name, and which earlier ones named. */
export interface SignedHistory {
  readonly epoch: Epoch
  readonly snapshot: SnapshotNumber
  readonly contents: Holdings
  readonly former: readonly FormerSet[]
}

const historyFile = (dataDir: string): string => join(dataDir, 'signed-history.json')

/** Null: there is none. Throws what reading a file throws, and MS_DATA_CORRUPT. */
export const readHistory = async (dataDir: string): Promise<SignedHistory | null> => {
  let text: string
  try {
    text = await readFile(historyFile(dataDir), 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
  const { epoch, snapshot, containers, former } = parseFormer(JSON.parse(text))
  const decode = (checked: typeof containers): Holdings => {
    checkContainers(checked)
    return Holdings.decode(checked)
  }
  return {
    ...{ epoch, snapshot, contents: decode(containers) },
    former: former.map(set => ({ endedMs: set.endedMs, contents: decode(set.containers) })),
  }
}

export const writeHistory = async (dataDir: string, history: SignedHistory): Promise<void> => {
  const { epoch, snapshot, contents, former } = history
  const stored = {
    ...{ format: 1, epoch, snapshot, containers: contents.encode() },
    former: former.map(set => ({ endedMs: set.endedMs, containers: set.contents.encode() })),
  }
  await writeFileDurably(historyFile(dataDir), JSON.stringify(stored))
}
