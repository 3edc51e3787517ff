// mirrorswarm explain: who would serve a path, who would not, and why.

import type { RepoPath } from '../../core/ids.ts'
import { pathFromBytes } from '../../core/repo-path.ts'
import type { Io } from '../io.ts'
import { withOperator } from '../operator/open-operator.ts'
import type { Values } from '../option-spec.ts'
import type { optionTables } from '../options.ts'

type Options = Values<typeof optionTables.explain>

/** A path as people type it: the file's name on disk, from the repository's top. */
export const typedPath = (text: string): RepoPath =>
  pathFromBytes(Buffer.from(text.replace(/^(?:\.?\/)+/, '')))

export const runExplain = async (options: Options, io: Io): Promise<void> => {
  const text = await withOperator(options, operator =>
    operator.explain(typedPath(options.path), options.from, options.json),
  )
  io.print(text)
}
