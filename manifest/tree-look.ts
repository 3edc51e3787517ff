// One look at a tree: a fingerprint of all names, sizes and times, taken piece by piece so that
// whoever shares the thread goes on, and the folders in which marker files lie.

import { createHash } from 'node:crypto'
import type { RepoPath } from '../core/ids.ts'
import { watchedFolders } from '../core/limits.ts'
import { parentPath, rootPath } from '../core/repo-path.ts'
import { scanTree } from './scan.ts'

export interface Look {
  /** Equal as long as nothing in the tree changes. */
  readonly fingerprint: string
  /** Folders with markers, their parents, and the root; at most `watchedFolders`. */
  readonly folders: ReadonlySet<RepoPath>
}

const entriesBetweenPauses = 200

const pause = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Look at the tree at `root` once. Throws MS_TREE_UNREADABLE. */
export const lookAtTree = async (
  root: string,
  isMarker: (path: RepoPath) => boolean,
  signal: AbortSignal,
): Promise<Look> => {
  const hash = createHash('sha1')
  const folders = new Set<RepoPath>([rootPath])
  let lines = ''
  let sincePause = 0
  for (const entry of scanTree(root, { onRefused: path => hash.update(`refused ${path}\n`) })) {
    lines +=
      entry.kind === 'link'
        ? `${entry.path} ${entry.target}\n`
        : `${entry.path} ${entry.sizeBytes} ${entry.modifiedNs} ${entry.changedNs} ${entry.inode}\n`
    if (isMarker(entry.path) && folders.size + 1 < watchedFolders) {
      const folder = parentPath(entry.path)
      folders.add(folder).add(parentPath(folder))
    }
    sincePause += 1
    if (sincePause < entriesBetweenPauses) continue
    sincePause = 0
    hash.update(lines)
    lines = ''
    await pause()
    signal.throwIfAborted()
  }
  return { fingerprint: hash.update(lines).digest('hex'), folders }
}
