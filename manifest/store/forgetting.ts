// Takes old snapshots out of a volunteer's copy of the manifest, a slice at a time, each in a
// transaction of its own: what is left is never less than a newcomer would load. Origins, whose
// numbers must never be given again, use pruning.ts.

import type { ContentNumber, Sha256, SnapshotNumber } from '../../core/ids.ts'
import type { EndedMark } from './reader.ts'
import { numberOf, pathOf, type Row, sha256Of } from './rows.ts'
import type { ManifestWriter } from './writer.ts'

export interface ForgetOptions {
  /** The oldest snapshot that stays. */
  readonly oldest: SnapshotNumber
  /** Ended entries to look at in one transaction. */
  readonly limit: number
  /** What is held still needs its times and hashes; its entries are left for another time. */
  readonly isHeld: (content: ContentNumber) => boolean
}

export interface ForgottenSlice {
  /** Where the next slice begins; null: there is none. */
  readonly next: EndedMark | null
  readonly entries: number
  readonly contents: number
  readonly bundles: number
  /** Objects that no bundle names any more. */
  readonly metainfo: readonly Sha256[]
}

const prepareStatements = ({ database }: ManifestWriter) => ({
  // One that ended earlier at the same path ended with another snapshot.
  ended: database.prepare(
    `SELECT to_snapshot, path, from_snapshot, content FROM entries
     WHERE to_snapshot BETWEEN ?1 AND ?2 AND (to_snapshot, path) > (?1, ?3)
     ORDER BY to_snapshot, path LIMIT ?4`,
  ),
  dropEntry: database.prepare('DELETE FROM entries WHERE path = ? AND from_snapshot = ?'),
  hasEntry: database.prepare('SELECT 1 FROM entries WHERE content = ? LIMIT 1'),
  bundlesOf: database.prepare('SELECT bundle FROM bundle_members WHERE content = ?'),
  liveMember: database.prepare(
    `SELECT 1 FROM bundle_members m WHERE m.bundle = ? AND EXISTS
       (SELECT 1 FROM entries e WHERE e.content = m.content) LIMIT 1`,
  ),
  members: database.prepare('SELECT content FROM bundle_members WHERE bundle = ?'),
  metainfo: database.prepare('SELECT metainfo FROM bundles WHERE number = ?'),
  dropMembers: database.prepare('DELETE FROM bundle_members WHERE bundle = ?'),
  dropBundle: database.prepare('DELETE FROM bundles WHERE number = ?'),
  dropContent: database.prepare('DELETE FROM contents WHERE number = ?'),
})

/** A function that forgets the slice behind `after`, or nothing of it when it fails. */
export const prepareForget = (writer: ManifestWriter) => {
  const statements = prepareStatements(writer)
  const contentOf = (row: Row): ContentNumber => numberOf(row, 'content')

  /** A bundle goes when its last member does: whoever has a bundle knows all its members. */
  const forgetBundle = (bundle: number, departed: Set<ContentNumber>): Sha256 | null => {
    if (statements.liveMember.get(bundle) !== undefined) return null
    const row = statements.metainfo.get(bundle)
    if (row === undefined) return null
    for (const member of statements.members.all(bundle)) departed.add(contentOf(member))
    statements.dropMembers.run(bundle)
    statements.dropBundle.run(bundle)
    return sha256Of(row, 'metainfo')
  }

  const isNeeded = (content: ContentNumber, { isHeld }: ForgetOptions): boolean =>
    statements.hasEntry.get(content) !== undefined ||
    statements.bundlesOf.get(content) !== undefined ||
    isHeld(content)

  const forget = (rows: readonly Row[], options: ForgetOptions) => {
    const departed = new Set<ContentNumber>()
    let entries = 0
    for (const row of rows) {
      const content = row.content === null ? null : contentOf(row)
      if (content !== null && options.isHeld(content)) continue
      statements.dropEntry.run(pathOf(row), numberOf(row, 'from_snapshot'))
      entries += 1
      if (content !== null) departed.add(content)
    }
    const touched = new Set<number>()
    for (const content of departed) {
      if (statements.hasEntry.get(content) !== undefined) continue
      for (const row of statements.bundlesOf.all(content)) touched.add(numberOf(row, 'bundle'))
    }
    const metainfo = [...touched].flatMap(bundle => forgetBundle(bundle, departed) ?? [])
    const gone = [...departed].filter(content => !isNeeded(content, options))
    for (const content of gone) statements.dropContent.run(content)
    return { entries, contents: gone.length, bundles: metainfo.length, metainfo }
  }

  return (after: EndedMark, options: ForgetOptions): ForgottenSlice => {
    const { oldest, limit } = options
    const rows = statements.ended.all(after.snapshot, oldest, after.path, limit)
    const last = rows.at(-1)
    if (last === undefined) return { next: null, entries: 0, contents: 0, bundles: 0, metainfo: [] }
    const next = { snapshot: numberOf(last, 'to_snapshot'), path: pathOf(last) }
    return { next, ...writer.transactionSync(() => forget(rows, options)) }
  }
}

/** Of the snapshots themselves only those from `oldest` on stay; how many went. */
export const forgetSnapshots = (writer: ManifestWriter, oldest: SnapshotNumber): number =>
  writer.transactionSync(() =>
    Number(writer.database.prepare('DELETE FROM snapshots WHERE number < ?').run(oldest).changes),
  )
