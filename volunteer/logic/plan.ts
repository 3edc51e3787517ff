// What has to change in the mirror so that it shows a snapshot: a merge of two sorted lists, the
// snapshot's entries in scope and the record of what stands on disk. Pure, and streaming: neither
// list is ever held in memory.

import type { ContentNumber, RepoPath } from '../../core/ids.ts'
import type { Entry } from '../../manifest/model.ts'

/**
 * What is recorded about a path of the mirror. A file is held (verified, unchanged since) or changed
 * (somebody else wrote it since: the owner's now).
 */
export type PathRecord =
  | {
      readonly kind: 'file'
      readonly path: RepoPath
      /** Null when the manifest no longer knows the content. */
      readonly content: ContentNumber | null
      readonly changed: boolean
      readonly retired: boolean
    }
  | {
      readonly kind: 'link'
      readonly path: RepoPath
      readonly target: string
      readonly retired: boolean
    }

export type PlanStep =
  /** Stands as it should; `revive` when it had been retired. */
  | { readonly kind: 'keep'; readonly path: RepoPath; readonly revive: boolean }
  | { readonly kind: 'file'; readonly path: RepoPath; readonly content: ContentNumber }
  | { readonly kind: 'link'; readonly path: RepoPath; readonly target: string }
  /** Recorded, but not in this snapshot's scope: to be deleted after the grace period. */
  | { readonly kind: 'retire'; readonly path: RepoPath }

const matches = (entry: Entry, record: PathRecord): boolean => {
  if (entry.kind === 'link') return record.kind === 'link' && record.target === entry.target
  return record.kind === 'file' && !record.changed && record.content === entry.content
}

const wish = (entry: Entry): PlanStep =>
  entry.kind === 'file'
    ? { kind: 'file', path: entry.path, content: entry.content }
    : { kind: 'link', path: entry.path, target: entry.target }

/** Both lists must ascend by path (plain string order, each path once). */
export function* planPaths(
  entries: Iterable<Entry>,
  records: Iterable<PathRecord>,
): Generator<PlanStep> {
  const rest = records[Symbol.iterator]()
  let record = rest.next()
  for (const entry of entries) {
    while (!record.done && record.value.path < entry.path) {
      yield { kind: 'retire', path: record.value.path }
      record = rest.next()
    }
    if (record.done || record.value.path !== entry.path) {
      yield wish(entry)
      continue
    }
    if (matches(entry, record.value)) {
      yield { kind: 'keep', path: entry.path, revive: record.value.retired }
    } else yield wish(entry)
    record = rest.next()
  }
  for (; !record.done; record = rest.next()) yield { kind: 'retire', path: record.value.path }
}
