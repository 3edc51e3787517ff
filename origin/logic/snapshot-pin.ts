// Keeps one client's update on one snapshot: who was given the Release of snapshot N gets N's
// indexes of plain name for a while, so that an update never mixes two snapshots.

import type { RepoPath, SnapshotNumber } from '../../core/ids.ts'
import { snapshotPinMs } from '../../core/limits.ts'
import { baseName, parentPath } from '../../core/repo-path.ts'

export interface SnapshotPin {
  readonly snapshot: SnapshotNumber
  readonly untilMs: number
}

const entryPoints = new Set(['InRelease', 'Release', 'repomd.xml'])

/** The folder that a Release or repomd.xml speaks for, or null for other names. */
export const pinnedFolder = (path: RepoPath): RepoPath | null =>
  entryPoints.has(baseName(path)) ? parentPath(path) : null

/** What to remember when a client is given such a file. */
export const makePin = (snapshot: SnapshotNumber, nowMs: number): SnapshotPin => ({
  snapshot,
  untilMs: nowMs + snapshotPinMs,
})

/**
 * The snapshot in which to look up `path`: the pinned one if a folder above it is pinned, else the
 * latest. `pinOf` answers for one folder; Release and repomd.xml themselves are always the latest.
 */
export const snapshotFor = (
  path: RepoPath,
  latest: SnapshotNumber,
  nowMs: number,
  pinOf: (folder: RepoPath) => SnapshotPin | undefined,
): SnapshotNumber => {
  if (pinnedFolder(path) !== null) return latest
  for (let folder = parentPath(path); ; folder = parentPath(folder)) {
    const pin = pinOf(folder)
    if (pin !== undefined && pin.untilMs > nowMs) return pin.snapshot
    if (folder === '') return latest
  }
}
