// The tables of a manifest database and how it is opened: WAL, so that readers never wait for the
// writer. Nothing outside store/ knows these tables.

import { DatabaseSync } from 'node:sqlite'
import { shrinkable } from '../../core/database-space.ts'
import { MirrorswarmError } from '../../core/errors.ts'
import { databaseBusyMs, databaseCacheKiB } from '../../core/limits.ts'

/** Raised with every change of the tables; kept in SQLite's own user_version. */
const schemaVersion = 1

const tables = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;

  CREATE TABLE snapshots (
    number INTEGER PRIMARY KEY,
    created_ms INTEGER NOT NULL, files INTEGER NOT NULL, links INTEGER NOT NULL,
    bytes INTEGER NOT NULL, unique_bytes INTEGER NOT NULL,
    added INTEGER NOT NULL, changed INTEGER NOT NULL, removed INTEGER NOT NULL
  ) STRICT;

  -- first_snapshot beyond the newest snapshot: hashed, but not published yet.
  CREATE TABLE contents (
    number INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE, size INTEGER NOT NULL,
    sha1 BLOB NOT NULL, md5 BLOB NOT NULL, md4 BLOB NOT NULL,
    modified INTEGER NOT NULL, first_snapshot INTEGER NOT NULL,
    pieces BLOB, last_piece BLOB
  ) STRICT;

  -- A path bound to a content or a link's target, from one snapshot up to, not including, another.
  CREATE TABLE entries (
    path TEXT NOT NULL, from_snapshot INTEGER NOT NULL, to_snapshot INTEGER,
    content INTEGER, target TEXT,
    PRIMARY KEY (path, from_snapshot)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX entries_content ON entries (content) WHERE content IS NOT NULL;
  CREATE INDEX entries_ended ON entries (to_snapshot) WHERE to_snapshot IS NOT NULL;

  -- The publisher's picture of the tree: what was hashed, and how the file looked then.
  CREATE TABLE files (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
    changed_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
    content INTEGER, target TEXT, kept INTEGER NOT NULL, young INTEGER NOT NULL,
    since INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE bundles (
    number INTEGER PRIMARY KEY, info_hash BLOB NOT NULL UNIQUE, metainfo BLOB NOT NULL,
    piece_length INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE bundle_members (
    bundle INTEGER NOT NULL, position INTEGER NOT NULL, content INTEGER NOT NULL,
    PRIMARY KEY (bundle, position)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX bundle_members_content ON bundle_members (content, bundle);

  -- What the head names; from_snapshot = to_snapshot for the segments of a checkpoint.
  CREATE TABLE parts (
    from_snapshot INTEGER NOT NULL, to_snapshot INTEGER NOT NULL, position INTEGER NOT NULL,
    sha256 BLOB NOT NULL, size INTEGER NOT NULL,
    PRIMARY KEY (to_snapshot, from_snapshot, position)
  ) STRICT, WITHOUT ROWID;
`

/**
 * Tables that came later and that older programs never miss, so that the version stays. Coarse chunk
 * hashes (8 bytes for each 64 KiB) of what the publisher hashed; one that is missing is computed.
 */
const laterTables = `
  CREATE TABLE IF NOT EXISTS chunk_maps (content INTEGER PRIMARY KEY, hashes BLOB NOT NULL) STRICT;
`

const isComplete = (database: DatabaseSync): boolean =>
  database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'chunk_maps'").get() !== undefined

const createTables = (database: DatabaseSync, file: string): void => {
  const version = (): unknown => database.prepare('PRAGMA user_version').get()?.user_version
  if (version() === schemaVersion && isComplete(database)) return
  database.exec('BEGIN IMMEDIATE')
  try {
    const found = version()
    if (found === 0) database.exec(`${tables} PRAGMA user_version = ${schemaVersion}`)
    else if (found !== schemaVersion) {
      throw new MirrorswarmError(
        'MS_DATA_CORRUPT',
        `${file} has version ${found}; this program knows version ${schemaVersion}`,
      )
    }
    database.exec(laterTables)
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

/** Open a manifest database, making it when there is none; `queryOnly` refuses all writes. */
export const openDatabase = (file: string, queryOnly: boolean): DatabaseSync => {
  const database = new DatabaseSync(file, { timeout: databaseBusyMs })
  try {
    database.exec(`${shrinkable}; PRAGMA journal_mode = WAL; PRAGMA cache_size = -${databaseCacheKiB};
      PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 67108864;
      PRAGMA wal_autocheckpoint = 8000`)
    createTables(database, file)
    if (queryOnly) database.exec('PRAGMA query_only = ON')
    return database
  } catch (error) {
    database.close()
    if (error instanceof MirrorswarmError) throw error
    throw new MirrorswarmError('MS_DATA_CORRUPT', `cannot open ${file}`, { cause: error })
  }
}
