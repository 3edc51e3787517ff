// mirrorswarm prune: forgets old snapshots, and removes copies and objects that only they needed.

import { formatSize } from '../../core/units.ts'
import type { Io } from '../io.ts'
import { withOperator } from '../operator/open-operator.ts'
import type { PruneSummary } from '../operator/operator.ts'
import type { Values } from '../option-spec.ts'
import type { optionTables } from '../options.ts'
import { ProgressLine } from '../progress-line.ts'

type Options = Values<typeof optionTables.prune>

/** What happened, in one line. */
export const renderPrune = ({ oldest, snapshots, files, bytes }: PruneSummary): string => {
  const removed = `${snapshots} snapshots forgotten, ${files} copies removed (${formatSize(bytes)})`
  return oldest === null ? removed : `${removed}; the oldest snapshot is ${oldest}`
}

export const runPrune = async (options: Options, io: Io): Promise<void> => {
  const progress = new ProgressLine(io)
  const summary = await withOperator(options, operator =>
    operator.prune({
      keepMs: options.keep,
      signal: io.stopped,
      onStep: (what, done, total) => progress.step(`pruning ${what}`, done, total),
    }),
  ).finally(() => progress.end())
  io.print(options.json ? JSON.stringify(summary) : renderPrune(summary))
}
