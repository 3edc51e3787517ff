// The children of a folder, found by jumping from name to name in the order of paths: what lies
// below a subfolder is never read, however much it is.

import type { DatabaseSync } from 'node:sqlite'
import type { RepoPath, SnapshotNumber } from '../../core/ids.ts'
import type { Content } from '../model.ts'
import { contentColumns, contentOf, liveAt, pathOf, type Row, textOf } from './rows.ts'

export interface DirectoryChild {
  /** Percent-encoded. */
  readonly name: string
  readonly kind: 'file' | 'directory' | 'link'
  /** Of a file. */
  readonly content?: Content
  /** Of a link: percent-encoded, relative. */
  readonly target?: string
}

export interface ListOptions {
  /** The name of the last child that was seen. */
  readonly after?: string
  readonly limit: number
}

/** Everything below folder F lies between F + '/' and F + '0', the character after '/'. */
export const afterFolder = '0'

const childOf = (row: Row, name: string): DirectoryChild =>
  row.target === null
    ? { name, kind: 'file', content: contentOf(row) }
    : { name, kind: 'link', target: textOf(row, 'target') }

export const prepareListing = (database: DatabaseSync) => {
  const next = database.prepare(
    `SELECT e.path, e.target, ${contentColumns}
     FROM entries e LEFT JOIN contents c ON c.number = e.content
     WHERE e.path >= ?1 AND e.path < ?2 AND ${liveAt('e', '?3')} ORDER BY e.path LIMIT 1`,
  )
  const exists = database.prepare(
    `SELECT 1 FROM entries e WHERE e.path >= ?1 AND e.path < ?2 AND ${liveAt('e', '?3')} LIMIT 1`,
  )
  const isDirectory = (path: RepoPath, snapshot: SnapshotNumber): boolean =>
    path === '' || exists.get(`${path}/`, `${path}${afterFolder}`, snapshot) !== undefined

  const list = (
    folder: RepoPath,
    snapshot: SnapshotNumber,
    { after, limit }: ListOptions,
  ): DirectoryChild[] => {
    const prefix = folder === '' ? '' : `${folder}/`
    const end = folder === '' ? '\x7f' : `${folder}${afterFolder}`
    let start = prefix
    if (after !== undefined) {
      const seen = `${prefix}${after}`
      start = `${seen}${isDirectory(seen as RepoPath, snapshot) ? afterFolder : '\0'}`
    }
    const children: DirectoryChild[] = []
    while (children.length < limit) {
      const row = next.get(start, end, snapshot)
      if (row === undefined) break
      const rest = pathOf(row).slice(prefix.length)
      const slash = rest.indexOf('/')
      if (slash < 0) {
        children.push(childOf(row, rest))
        start = `${prefix}${rest}\0`
      } else {
        const name = rest.slice(0, slash)
        children.push({ name, kind: 'directory' })
        start = `${prefix}${name}${afterFolder}`
      }
    }
    return children
  }
  return { list, isDirectory }
}
