// mirrorswarm backup: a copy of an origin's data folder that an origin can be started on.

import { formatSize } from '../../core/units.ts'
import type { Io } from '../io.ts'
import type { Values } from '../option-spec.ts'
import type { optionTables } from '../options.ts'
import { ProgressLine } from '../progress-line.ts'

type Options = Values<typeof optionTables.backup>

export const runBackup = async ({ target, data, json }: Options, io: Io): Promise<void> => {
  const { backUp } = await import('../../origin/backup.ts')
  const progress = new ProgressLine(io)
  const summary = await backUp(data, target, ({ what, done, total }) =>
    progress.step(`copying ${what}`, done, total),
  ).finally(() => progress.end())
  io.print(
    json
      ? JSON.stringify(summary)
      : `${data} is copied to ${summary.folder} (${formatSize(summary.bytes)})`,
  )
}
