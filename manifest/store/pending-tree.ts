// The tree as it would be published, and as it was published last, path by path.

import type { RepoPath, Sha256 } from '../../core/ids.ts'
import { afterFolder } from './listing.ts'
import { numberOf, type Row, sha256Of } from './rows.ts'
import type { ManifestWriter } from './writer.ts'

export type TreeContent =
  | { readonly kind: 'file'; readonly sha256: Sha256; readonly sizeBytes: number }
  | { readonly kind: 'link' }

const contentOf = (row: Row | undefined): TreeContent | null => {
  if (row === undefined) return null
  if (row.sha256 === null) return { kind: 'link' }
  return { kind: 'file', sha256: sha256Of(row), sizeBytes: numberOf(row, 'size') }
}

const prepareStatements = ({ database }: ManifestWriter) => ({
  now: database.prepare(
    `SELECT c.sha256, c.size FROM main.files f LEFT JOIN main.contents c ON c.number = f.content
     WHERE f.path = ?1 AND NOT EXISTS (SELECT 1 FROM temp.gone g WHERE g.path = ?1)`,
  ),
  before: database.prepare(
    `SELECT c.sha256, c.size FROM main.entries e LEFT JOIN main.contents c ON c.number = e.content
     WHERE e.path = ? AND e.to_snapshot IS NULL`,
  ),
  changed: database.prepare('SELECT 1 FROM temp.changes WHERE path >= ? AND path < ? LIMIT 1'),
})

/** To be used when a ChangeSet has been collected and is not yet committed. */
export class PendingTree {
  readonly #statements: ReturnType<typeof prepareStatements>

  constructor(writer: ManifestWriter) {
    this.#statements = prepareStatements(writer)
  }

  /** What would be published at this path. */
  now(path: RepoPath): TreeContent | null {
    return contentOf(this.#statements.now.get(path))
  }

  /** True if anything below this folder would be published, changed or removed. */
  changedBelow(folder: RepoPath): boolean {
    const [start, end] = folder === '' ? ['', '\x7f'] : [`${folder}/`, `${folder}${afterFolder}`]
    return this.#statements.changed.get(start, end) !== undefined
  }

  /** What the newest snapshot has at this path. */
  before(path: RepoPath): TreeContent | null {
    return contentOf(this.#statements.before.get(path))
  }
}
