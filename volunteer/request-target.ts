// What a request line names: the path in the repository and the query behind it, with or without the
// path of the public URL, which a proxy may have removed.

import type { RepoPath } from '../core/ids.ts'
import { parseRequestPath } from '../core/repo-path.ts'

export interface RequestTarget {
  readonly ok: true
  readonly path: RepoPath
  readonly directory: boolean
  /** Without its question mark; '' when there is none. */
  readonly query: string
}

/** `target`: as it stood on the wire. `prefix`: the path of the public URL, '' or '/prefix'. */
export const parseTarget = (
  target: string,
  prefix: string,
): RequestTarget | { readonly ok: false; readonly reason: string } => {
  const relative = target.replace(/^https?:\/\/[^/?]*/i, '')
  const mark = relative.indexOf('?')
  const rawPath = mark < 0 ? relative : relative.slice(0, mark)
  const inside = prefix !== '' && (rawPath === prefix || rawPath.startsWith(`${prefix}/`))
  const parsed = parseRequestPath(inside ? rawPath.slice(prefix.length) : rawPath)
  if (!parsed.ok) return parsed
  const { path, directory } = parsed
  return { ok: true, path, directory, query: mark < 0 ? '' : relative.slice(mark + 1) }
}
