// What a volunteer does with the records of a head's parts: collects them as the differences to its
// own newest snapshot, checks that they fit together, and commits them.

import { MirrorswarmError } from '../../core/errors.ts'
import type { BundleRecord, ContentRecord, ManifestRecord, PartHeader } from '../logic/records.ts'
import type { Snapshot } from '../model.ts'
import { prepareBundles } from './bundles.ts'
import { ChangeSet } from './changes.ts'
import { hexOf, infoHashOf, numberOf } from './rows.ts'
import type { ManifestWriter } from './writer.ts'

const invalid = (what: string): never => {
  throw new MirrorswarmError('MS_MANIFEST_INVALID', `the manifest ${what}`)
}

const setEntry = `
  INSERT OR REPLACE INTO temp.changes (path, content, target, old_content, old_target, existed)
  SELECT ?1, ?2, ?3, e.content, e.target, e.path IS NOT NULL
  FROM (SELECT 1) LEFT JOIN main.entries e ON e.path = ?1 AND e.to_snapshot IS NULL`

/** A checkpoint names everything that stays: what it does not name is gone. */
const endUnnamed = `
  INSERT INTO temp.changes
    SELECT e.path, NULL, NULL, e.content, e.target, 1 FROM main.entries e
    WHERE e.to_snapshot IS NULL AND NOT EXISTS
      (SELECT 1 FROM temp.changes c WHERE c.path = e.path)`

const dropUnchanged = `
  DELETE FROM temp.changes
  WHERE existed = 1 AND (content IS NOT NULL OR target IS NOT NULL)
    AND content IS old_content AND target IS old_target`

const unknownContent = `
  SELECT 1 FROM temp.changes c LEFT JOIN main.contents k ON k.number = c.content
  WHERE c.content IS NOT NULL AND k.number IS NULL LIMIT 1`

const unknownMember = `
  SELECT 1 FROM temp.new_bundles b JOIN main.bundle_members m ON m.bundle = b.number
    LEFT JOIN main.contents k ON k.number = m.content
  WHERE k.number IS NULL LIMIT 1`

const correctSnapshot = `
  UPDATE snapshots SET added = ?, changed = ?, removed = ? WHERE number = ?`

const prepareStatements = ({ database }: ManifestWriter) => ({
  setEntry: database.prepare(setEntry),
  known: database.prepare('SELECT sha256, size FROM contents WHERE number = ?'),
  knownBundle: database.prepare('SELECT info_hash FROM bundles WHERE number = ?'),
  newBundle: database.prepare('INSERT OR IGNORE INTO temp.new_bundles (number) VALUES (?)'),
  addContent: database.prepare(
    `INSERT INTO contents (number, sha256, size, sha1, md5, md4, modified, first_snapshot)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  ),
})

/**
 * Compare the tables with what the newest snapshot says of itself: a copy that has drifted from its
 * origin, whatever the cause, must be loaded anew. Throws MS_MANIFEST_INVALID.
 */
export const checkEntries = (writer: ManifestWriter): void => {
  const snapshot = writer.latest()
  const found = writer.database
    .prepare(
      'SELECT count(content) AS files, count(target) AS links FROM entries WHERE to_snapshot IS NULL',
    )
    .get()
  if (snapshot === null || found === undefined) {
    invalid('has no snapshot')
    return
  }
  for (const name of ['files', 'links'] as const) {
    const there = numberOf(found, name)
    if (there !== snapshot[name]) invalid(`has ${snapshot[name]} ${name}, but ${there} are here`)
  }
}

/** One snapshot in the making, from one difference or one checkpoint; within a transaction. */
export class IncomingSnapshot {
  readonly #writer: ManifestWriter
  readonly #changes: ChangeSet
  readonly #statements: ReturnType<typeof prepareStatements>
  readonly #addBundle: ReturnType<typeof prepareBundles>

  constructor(writer: ManifestWriter) {
    this.#writer = writer
    this.#changes = new ChangeSet(writer)
    writer.database.exec(
      'DROP TABLE IF EXISTS temp.new_bundles; CREATE TEMP TABLE new_bundles (number INTEGER PRIMARY KEY)',
    )
    this.#statements = prepareStatements(writer)
    this.#addBundle = prepareBundles(writer)
  }

  add(record: ManifestRecord): void {
    const { setEntry } = this.#statements
    if (record.type === 'content') this.#content(record)
    else if (record.type === 'bundle') this.#bundle(record)
    else if (record.type === 'file') setEntry.run(record.path, record.content, null)
    else if (record.type === 'link') setEntry.run(record.path, null, record.target)
    else setEntry.run(record.path, null, null)
  }

  /** All parts were read: check them and make them the newest snapshot, `header.to`. */
  commit(header: PartHeader, whole: boolean): Snapshot {
    const { database } = this.#writer
    if (whole) database.exec(endUnnamed)
    database.exec(dropUnchanged)
    if (database.prepare(unknownContent).get() !== undefined)
      return invalid('names unknown contents')
    if (database.prepare(unknownMember).get() !== undefined) return invalid('names unknown members')
    const lost = database.prepare(
      'SELECT 1 FROM temp.changes WHERE existed = 0 AND content IS NULL AND target IS NULL LIMIT 1',
    )
    if (lost.get() !== undefined) return invalid('removes what is not there')
    this.#changes.findArriving()
    const snapshot = this.#changes.commit(header.to, header.snapshot.createdMs)
    this.#compare(snapshot, header)
    this.#changes.clear()
    return { ...header.snapshot, number: header.to }
  }

  /** The origin's own counts show whether this copy of the tables still is what it should be. */
  #compare(snapshot: Snapshot, { snapshot: expected, contents }: PartHeader): void {
    for (const name of ['files', 'links', 'bytes', 'uniqueBytes'] as const) {
      if (snapshot[name] !== expected[name]) {
        invalid(`gives ${snapshot[name]} ${name} where the origin has ${expected[name]}`)
      }
    }
    this.#writer.database
      .prepare(correctSnapshot)
      .run(expected.added, expected.changed, expected.removed, snapshot.number)
    this.#writer.setMeta('contentCount', contents)
  }

  #content(record: ContentRecord): void {
    const known = this.#statements.known.get(record.n)
    if (known !== undefined) {
      const same =
        hexOf(known, 'sha256') === record.sha256 && numberOf(known, 'size') === record.size
      if (!same) invalid(`gives content ${record.n} two meanings`)
      return
    }
    const { n, sha256, size, sha1, md5, md4, modified, first } = record
    const bytes = (text: string): Buffer => Buffer.from(text, 'hex')
    const digests = [bytes(sha1), bytes(md5), bytes(md4)] as const
    this.#statements.addContent.run(n, bytes(sha256), size, ...digests, modified, first)
  }

  #bundle({ n, infoHash, metainfo, pieceLength, members }: BundleRecord): void {
    const known = this.#statements.knownBundle.get(n)
    if (known !== undefined) {
      if (infoHashOf(known) !== infoHash) invalid(`gives bundle ${n} two meanings`)
      return
    }
    this.#addBundle({ infoHash, metainfo, pieceLengthBytes: pieceLength, members }, n)
    this.#statements.newBundle.run(n)
  }
}
