// Reading a manifest: every question names a snapshot, so that a publish in between changes no
// answer. Safe to use while another thread or process writes; never waits for it.

import type { DatabaseSync } from 'node:sqlite'
import type {
  ContentNumber,
  InfoHash,
  RepoPath,
  RepositoryId,
  Sha256,
  SnapshotNumber,
} from '../../core/ids.ts'
import { pathsOfContent } from '../../core/limits.ts'
import { snapshotsListed } from '../../core/update-limits.ts'
import type {
  Bundle,
  Content,
  Entry,
  FileContent,
  Head,
  RepositoryIdentity,
  Snapshot,
} from '../model.ts'
import { afterFolder, type DirectoryChild, type ListOptions, prepareListing } from './listing.ts'
import { preparePartsQuery } from './parts.ts'
import { resolvePath } from './resolve.ts'
import {
  bigintOf,
  bytesOf,
  contentColumns,
  contentOf,
  contentOfValues,
  entryOf,
  hexContentColumns,
  infoHashOf,
  liveAt,
  numberOf,
  pathOf,
  type Row,
  sha256Of,
  snapshotOf,
  textOf,
} from './rows.ts'
import { openDatabase } from './schema.ts'

export type { DirectoryChild, ListOptions } from './listing.ts'

/** What a path leads to once all symlinks are followed; `path` is the real one. */
export type FileResolution = {
  readonly kind: 'file'
  readonly path: RepoPath
  readonly content: Content
}
export type Resolution =
  | FileResolution
  | { readonly kind: 'directory'; readonly path: RepoPath }
  | { readonly kind: 'missing' }
  | { readonly kind: 'loop' }

/** How a file looked when it was hashed; a file that looks different is not that content any more. */
export interface FileStamp {
  readonly content: ContentNumber
  readonly sizeBytes: number
  readonly modifiedNs: bigint
  readonly changedNs: bigint
  readonly inode: bigint
}

/** How far ended entries were read: up to this path of those that ended with this snapshot. */
export interface EndedMark {
  readonly snapshot: SnapshotNumber
  readonly path: RepoPath | ''
}

/** An entry that `snapshot` has no more; content is null for a link. */
export interface EndedEntry extends EndedMark {
  readonly path: RepoPath
  readonly content: ContentNumber | null
}

export interface PieceHashes {
  /** 20 bytes each; the last is that of the last piece filled up with zeros. */
  readonly pieces: Buffer
  /** 20 bytes: the last piece as it is; empty for an empty content. */
  readonly lastPiece: Buffer
}

const prepareStatements = (database: DatabaseSync) => {
  const prepare = (sql: string) => database.prepare(sql)
  const bundle = 'SELECT b.number, b.info_hash, b.metainfo, b.piece_length FROM bundles b'
  // Those that were pruned have none.
  const hasMembers = 'EXISTS (SELECT 1 FROM bundle_members m WHERE m.bundle = b.number)'
  const newest = '(SELECT coalesce(max(number), 0) FROM snapshots)'
  const fileAt = prepare(
    `SELECT ${hexContentColumns} FROM entries e JOIN contents c ON c.number = e.content
     WHERE e.path = ?1 AND ${liveAt('e', '?2')}`,
  )
  fileAt.setReturnArrays(true)
  const filesAfter = prepare(
    `SELECT e.path, c.number, lower(hex(c.sha256)) AS sha256, c.size, c.modified
     FROM entries e JOIN contents c ON c.number = e.content
     WHERE e.path > ?1 AND ${liveAt('e', '?2')} ORDER BY e.path LIMIT ?3`,
  )
  const stamp = prepare(
    'SELECT size, modified_ns, changed_ns, inode, content FROM files WHERE path = ? AND content IS NOT NULL',
  )
  stamp.setReadBigInts(true)
  return {
    fileAt,
    filesAfter,
    stamp,
    meta: prepare('SELECT value FROM meta WHERE key = ?'),
    latest: prepare('SELECT * FROM snapshots ORDER BY number DESC LIMIT 1'),
    snapshot: prepare('SELECT * FROM snapshots WHERE number = ?'),
    snapshots: prepare('SELECT * FROM snapshots WHERE number > ? ORDER BY number LIMIT ?'),
    lookup: prepare(
      `SELECT path, content, target FROM entries e WHERE path = ?1 AND ${liveAt('e', '?2')}`,
    ),
    contentByHash: prepare(
      `SELECT ${contentColumns} FROM contents c WHERE sha256 = ? AND first_snapshot <= ${newest}`,
    ),
    contentByNumber: prepare(
      `SELECT ${contentColumns} FROM contents c WHERE number = ? AND first_snapshot <= ${newest}`,
    ),
    pathsOf: prepare(
      `SELECT path FROM entries e WHERE content = ?1 AND ${liveAt('e', '?2')} ORDER BY path LIMIT ?3`,
    ),
    endedAfter: prepare(
      `SELECT to_snapshot, path, content FROM entries
       WHERE to_snapshot >= ?1 AND (to_snapshot, path) > (?1, ?2)
       ORDER BY to_snapshot, path LIMIT ?3`,
    ),
    retiredFrom: prepare(
      `SELECT e.to_snapshot - 1 AS number FROM entries e JOIN snapshots s ON s.number = e.to_snapshot
       WHERE e.path = ?1 AND s.created_ms >= ?2 ORDER BY e.from_snapshot DESC LIMIT 1`,
    ),
    entries: prepare(
      `SELECT path, content, target FROM entries e
       WHERE path > ?1 AND path < ?2 AND ${liveAt('e', '?3')} ORDER BY path LIMIT ?4`,
    ),
    contentsOf: prepare(
      `SELECT DISTINCT content FROM entries e
       WHERE content IS NOT NULL AND ${liveAt('e', '?1')} ORDER BY content`,
    ),
    pieces: prepare('SELECT pieces, last_piece FROM contents WHERE number = ?'),
    chunkMap: prepare('SELECT hashes FROM chunk_maps WHERE content = ?'),
    bundleByInfoHash: prepare(`${bundle} WHERE b.info_hash = ? AND ${hasMembers}`),
    bundleOf: prepare(
      `${bundle} WHERE b.number = (SELECT max(bundle) FROM bundle_members WHERE content = ?)`,
    ),
    bundleCount: prepare(`SELECT count(*) AS count FROM bundles b WHERE ${hasMembers}`),
    bundlesAfter: prepare(
      `${bundle} WHERE b.number > ? AND ${hasMembers} ORDER BY b.number LIMIT 1`,
    ),
    members: prepare('SELECT content FROM bundle_members WHERE bundle = ? ORDER BY position'),
  }
}

/** A view of a manifest database. */
export class ManifestReader {
  readonly #database: DatabaseSync
  readonly #statements: ReturnType<typeof prepareStatements>
  readonly #listing: ReturnType<typeof prepareListing>
  readonly #headParts: ReturnType<typeof preparePartsQuery>

  private constructor(database: DatabaseSync) {
    this.#database = database
    this.#statements = prepareStatements(database)
    this.#listing = prepareListing(database)
    this.#headParts = preparePartsQuery(database)
  }

  /** Open the database, making an empty one when there is none. Throws MS_DATA_CORRUPT. */
  static open(file: string): ManifestReader {
    return new ManifestReader(openDatabase(file, true))
  }

  close(): void {
    this.#database.close()
  }

  /** Null until the first publish, or the first head on a volunteer. */
  identity(): RepositoryIdentity | null {
    const repositoryId = this.#statements.meta.get('repositoryId')
    const epoch = this.#statements.meta.get('epoch')
    if (repositoryId === undefined || epoch === undefined) return null
    return {
      repositoryId: textOf(repositoryId, 'value') as RepositoryId,
      epoch: numberOf(epoch, 'value'),
    }
  }

  latest(): Snapshot | null {
    const row = this.#statements.latest.get()
    return row === undefined ? null : snapshotOf(row)
  }

  snapshot(number: SnapshotNumber): Snapshot | null {
    const row = this.#statements.snapshot.get(number)
    return row === undefined ? null : snapshotOf(row)
  }

  /** The snapshots that were not pruned, oldest first, those after `after`. */
  snapshots(after: SnapshotNumber = 0, limit: number = snapshotsListed): Snapshot[] {
    return this.#statements.snapshots.all(after, limit).map(snapshotOf)
  }

  /** What a head for the newest snapshot names; null before the first one. */
  headParts(): Pick<Head, 'snapshot' | 'checkpoint' | 'differences'> | null {
    return this.#headParts()
  }

  /** The entry at exactly this path; no symlink is followed. */
  lookup(path: RepoPath, snapshot: SnapshotNumber): Entry | null {
    const row = this.#statements.lookup.get(path, snapshot)
    return row === undefined ? null : entryOf(row)
  }

  /** The content of the file at exactly this path, in one look; null for anything else. */
  fileAt(path: RepoPath, snapshot: SnapshotNumber): Content | null {
    const values = this.#statements.fileAt.get(path, snapshot) as readonly unknown[] | undefined
    return values === undefined ? null : contentOfValues(values)
  }

  /** Files in the order of their paths, those behind `after`, at most `limit`. */
  filesAfter(
    after: RepoPath,
    snapshot: SnapshotNumber,
    limit: number,
  ): { readonly path: RepoPath; readonly content: FileContent }[] {
    return this.#statements.filesAfter.all(after, snapshot, limit).map(row => ({
      path: pathOf(row),
      content: {
        number: numberOf(row, 'number'),
        sha256: textOf(row, 'sha256') as Sha256,
        sizeBytes: numberOf(row, 'size'),
        modifiedSeconds: numberOf(row, 'modified'),
      },
    }))
  }

  /** True for the root and for every path with entries below it. */
  isDirectory(path: RepoPath, snapshot: SnapshotNumber): boolean {
    return this.#listing.isDirectory(path, snapshot)
  }

  /** Follow symlinks in every component, at most `symlinkDepth` of them. */
  resolve(path: RepoPath, snapshot: SnapshotNumber): Resolution {
    const found = resolvePath(this, path, snapshot)
    if (found.kind !== 'file') return found
    const content = this.contentByNumber(found.content)
    return content === null ? { kind: 'missing' } : { kind: 'file', path: found.path, content }
  }

  /** The children of a folder in the order of their names, folders as if their names ended in "/". */
  list(path: RepoPath, snapshot: SnapshotNumber, options: ListOptions): DirectoryChild[] {
    return this.#listing.list(path, snapshot, options)
  }

  /** A content that was published in some snapshot, whether or not it is retired by now. */
  contentByHash(sha256: Sha256): Content | null {
    const row = this.#statements.contentByHash.get(Buffer.from(sha256, 'hex'))
    return row === undefined ? null : contentOf(row)
  }

  contentByNumber(number: ContentNumber): Content | null {
    const row = this.#statements.contentByNumber.get(number)
    return row === undefined ? null : contentOf(row)
  }

  /** One more than the largest content number that was ever published. */
  contentCount(): number {
    const row = this.#statements.meta.get('contentCount')
    return row === undefined ? 0 : numberOf(row, 'value')
  }

  /** The paths bound to a content, in order, at most `limit`. */
  pathsOf(number: ContentNumber, snapshot: SnapshotNumber, limit = pathsOfContent): RepoPath[] {
    return this.#statements.pathsOf.all(number, snapshot, limit).map(row => pathOf(row))
  }

  /** The last snapshot with an entry at this path that ended since `sinceMs`; null: none did. */
  retiredFrom(path: RepoPath, sinceMs: number): SnapshotNumber | null {
    const row = this.#statements.retiredFrom.get(path, sinceMs)
    return row === undefined ? null : numberOf(row, 'number')
  }

  /** What ended after `after`, files and links, in the order of snapshots and paths. */
  endedAfter(after: EndedMark, limit: number): EndedEntry[] {
    return this.#statements.endedAfter.all(after.snapshot, after.path, limit).map(row => ({
      snapshot: numberOf(row, 'to_snapshot'),
      path: pathOf(row, 'path'),
      content: row.content === null ? null : numberOf(row, 'content'),
    }))
  }

  /** Entries in the order of their paths, after `after` and below the folder `prefix`. */
  entries(
    snapshot: SnapshotNumber,
    options: { after?: RepoPath; prefix?: RepoPath; limit: number },
  ): Entry[] {
    const { after, prefix = '', limit } = options
    const start = prefix === '' ? '' : `${prefix}/`
    const end = prefix === '' ? '\x7f' : `${prefix}${afterFolder}`
    const from = after !== undefined && after > start ? after : start
    return this.#statements.entries.all(from, end, snapshot, limit).map(entryOf)
  }

  /** The numbers of all contents of a snapshot, growing. */
  *contentsOf(snapshot: SnapshotNumber): Generator<ContentNumber> {
    for (const row of this.#statements.contentsOf.iterate(snapshot)) yield numberOf(row, 'content')
  }

  /** Known at the origin; null where the content is unknown or came by the wire (see its bundle). */
  pieceHashes(number: ContentNumber): PieceHashes | null {
    const row = this.#statements.pieces.get(number)
    if (row === undefined || row.pieces === null) return null
    return { pieces: bytesOf(row, 'pieces'), lastPiece: bytesOf(row, 'last_piece') }
  }

  /**
   * The hashes of a content's whole 64 KiB chunks, 8 bytes each, where the publisher stored them;
   * null for what is shorter, came by the wire, or was hashed by a program that stored none.
   */
  coarseChunkHashes(number: ContentNumber): Buffer | null {
    const row = this.#statements.chunkMap.get(number)
    return row === undefined ? null : bytesOf(row, 'hashes')
  }

  /** How the file at this path looked when the publisher last hashed it (origin only). */
  fileStamp(path: RepoPath): FileStamp | null {
    const row = this.#statements.stamp.get(path)
    if (row === undefined) return null
    return {
      content: Number(bigintOf(row, 'content')),
      sizeBytes: Number(bigintOf(row, 'size')),
      modifiedNs: bigintOf(row, 'modified_ns'),
      changedNs: bigintOf(row, 'changed_ns'),
      inode: bigintOf(row, 'inode'),
    }
  }

  /** The newest bundle that carries this content. */
  bundleOf(number: ContentNumber): Bundle | null {
    const row = this.#statements.bundleOf.get(number)
    return row === undefined ? null : this.#bundle(row)
  }

  bundleByInfoHash(infoHash: InfoHash): Bundle | null {
    const row = this.#statements.bundleByInfoHash.get(Buffer.from(infoHash, 'hex'))
    return row === undefined ? null : this.#bundle(row)
  }

  bundleCount(): number {
    const row = this.#statements.bundleCount.get()
    return row === undefined ? 0 : numberOf(row, 'count')
  }

  /** All bundles, oldest first; those made meanwhile are included. */
  *bundles(): Generator<Bundle> {
    let row = this.#statements.bundlesAfter.get(-1)
    while (row !== undefined) {
      yield this.#bundle(row)
      row = this.#statements.bundlesAfter.get(numberOf(row, 'number'))
    }
  }

  #bundle(row: Row): Bundle {
    const members = this.#statements.members.all(numberOf(row, 'number'))
    return {
      infoHash: infoHashOf(row),
      metainfo: sha256Of(row, 'metainfo'),
      pieceLengthBytes: numberOf(row, 'piece_length'),
      members: members.map(member => numberOf(member, 'content')),
    }
  }
}
