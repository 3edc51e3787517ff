// mirrorswarm publish: a new snapshot of the tree as it is now.

import { displayPath, isCanonicalPath } from '../../core/repo-path.ts'
import { formatSize } from '../../core/units.ts'
import type { Io } from '../io.ts'
import { withOperator } from '../operator/open-operator.ts'
import type { PublishSummary } from '../operator/operator.ts'
import type { Values } from '../option-spec.ts'
import type { optionTables } from '../options.ts'
import { ProgressLine } from '../progress-line.ts'

type Options = Values<typeof optionTables.publish>

/** What happened, in one line. */
export const renderPublish = (summary: PublishSummary): string => {
  const { snapshot, files, bytes, added, changed, removed } = summary
  const size = `${files} files, ${formatSize(bytes)}`
  return summary.unchanged
    ? `snapshot ${snapshot.number} is still the newest: nothing changed (${size})`
    : `snapshot ${snapshot.number}: ${size}, ${added} added, ${changed} changed, ${removed} removed`
}

export const runPublish = async (options: Options, io: Io): Promise<void> => {
  const progress = new ProgressLine(io)
  const summary = await withOperator(options, operator =>
    operator.publish({
      allowShrink: options.allowShrink,
      signal: io.stopped,
      onProgress: ({ hashedBytes, toHashBytes, scannedFiles }) =>
        progress.show(`${scannedFiles} files found, hashing`, hashedBytes, toHashBytes),
    }),
  ).finally(() => progress.end())
  for (const { path, reason } of summary.warnings) {
    io.note(`left out: ${isCanonicalPath(path) ? displayPath(path) : path}: ${reason}`)
  }
  const more = summary.warningCount - summary.warnings.length
  if (more > 0) io.note(`left out: ${more} more`)
  io.print(options.json ? JSON.stringify(summary) : renderPublish(summary))
}
