// What a path was in former snapshots that clients may still hold. Looks back a bounded number of
// snapshots.

import type { RepoPath } from '../../core/ids.ts'
import { formerContents, formerSnapshots } from '../../core/mirror-limits.ts'
import type { Content, Snapshot } from '../../manifest/model.ts'
import type { Resolution } from '../../manifest/store/reader.ts'

export interface History {
  resolve(path: RepoPath, snapshot: number): Resolution
  readonly reader: { snapshot(number: number): Snapshot | null }
}

/**
 * Other contents of `path` that were published until `sinceMs` or later, newest first. A client may
 * hold one as long as the snapshot that replaced it is younger than `sinceMs`.
 */
export const formerContentsOf = (
  history: History,
  path: RepoPath,
  latest: Snapshot,
  sinceMs: number,
): Content[] => {
  const current = history.resolve(path, latest.number)
  const seen = new Set(current.kind === 'file' ? [current.content.sha256] : [])
  const former: Content[] = []
  let newer = latest
  for (let step = 0; step < formerSnapshots && newer.createdMs >= sinceMs; step++) {
    const snapshot = history.reader.snapshot(newer.number - 1)
    if (snapshot === null || former.length >= formerContents) break
    const found = history.resolve(path, snapshot.number)
    if (found.kind === 'file' && !seen.has(found.content.sha256)) {
      seen.add(found.content.sha256)
      former.push(found.content)
    }
    newer = snapshot
  }
  return former
}
