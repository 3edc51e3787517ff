// The tree as it would be published, and as it was published last, path by path.

import type { RepoPath, Sha256 } from '../../core/ids.ts'
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
})

/** To be used while a WorkingTree is read and not yet published. */
export class PendingTree {
  readonly #statements: ReturnType<typeof prepareStatements>

  constructor(writer: ManifestWriter) {
    this.#statements = prepareStatements(writer)
  }

  /** What would be published at this path. */
  now(path: RepoPath): TreeContent | null {
    return contentOf(this.#statements.now.get(path))
  }

  /** What the newest snapshot has at this path. */
  before(path: RepoPath): TreeContent | null {
    return contentOf(this.#statements.before.get(path))
  }
}
