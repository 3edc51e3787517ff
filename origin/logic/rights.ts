// Which paths a client may read: everything, or what lies below some prefixes. Pure. Paths are those
// that clients ask by: where a symlink leads is the publisher's word.

import type { RepoPath } from '../../core/ids.ts'
import { parseRequestPath } from '../../core/repo-path.ts'

export interface Rights {
  /** Canonical paths without slashes at their ends; null: everything. */
  readonly prefixes: readonly RepoPath[] | null
}

export const allRights: Rights = { prefixes: null }

/** Below a prefix, by whole segments: "pool/main" covers "pool/main/a", not "pool/mainline". */
export const mayRead = ({ prefixes }: Rights, path: RepoPath): boolean =>
  prefixes === null || prefixes.some(prefix => path === prefix || path.startsWith(`${prefix}/`))

/** Whether a folder, or anything below it, may be read: its page then lists only that. */
export const mayEnter = (rights: Rights, folder: RepoPath): boolean => {
  const { prefixes } = rights
  if (prefixes === null || mayRead(rights, folder)) return true
  return prefixes.some(prefix => folder === '' || prefix.startsWith(`${folder}/`))
}

/** Equal for equal rights: a part of the key of what is remembered for them. */
export const rightsKey = ({ prefixes }: Rights): string =>
  prefixes === null ? '' : prefixes.join(' ')

/**
 * Rights to some paths as a person wrote them: '/pool/main/', 'dists'. No path, or "/" among them,
 * means everything. Null when one is no path.
 */
export const parseRights = (paths: readonly string[]): Rights | null => {
  const prefixes: RepoPath[] = []
  for (const text of paths) {
    const parsed = parseRequestPath(text)
    if (!parsed.ok) return null
    prefixes.push(parsed.path)
  }
  return prefixes.length === 0 || prefixes.includes('' as RepoPath)
    ? allRights
    : { prefixes: [...new Set(prefixes)].sort() }
}
