// Gives the free pages of a SQLite database back to the file system, in short steps, so that neither
// readers nor other writers wait. Knows nothing of what the database holds.

import type { DatabaseSync } from 'node:sqlite'
import { vacuumPages } from './limits.ts'

/**
 * To be run before anything else on a new database: without it free pages are used again, but the
 * file never shrinks. It does nothing to a database that has tables already.
 */
export const shrinkable = 'PRAGMA auto_vacuum = INCREMENTAL'

const pragmaValue = (database: DatabaseSync, pragma: string): number =>
  Number(Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0] ?? 0)

/** Pages of the file that hold nothing. */
export const freePages = (database: DatabaseSync): number => pragmaValue(database, 'freelist_count')

/** Less than a quarter of the pages is free, which what comes next will use again. */
export const isMostlyFull = (database: DatabaseSync): boolean =>
  freePages(database) * 4 < pragmaValue(database, 'page_count')

/**
 * Shrinks the file by its free pages; outside of transactions. Returns the bytes given back: 0 for a
 * database that was made without `shrinkable`. A step that fails (somebody writes for long, the disk
 * is full) ends it: what is left is for the next time. Throws what `signal` was aborted with.
 */
export const giveSpaceBack = async (
  database: DatabaseSync,
  signal?: AbortSignal,
): Promise<number> => {
  const pageBytes = pragmaValue(database, 'page_size')
  const before = pragmaValue(database, 'page_count')
  let left = freePages(database)
  while (left > 0) {
    signal?.throwIfAborted()
    try {
      database.exec(`PRAGMA incremental_vacuum(${vacuumPages})`)
    } catch {
      // No more than space is lost, and pruning comes again.
      break
    }
    const now = freePages(database)
    if (now >= left) break
    left = now
    await new Promise(resolve => setImmediate(resolve))
  }
  // More than was free: pages that only say which others are free go too.
  const given = before - pragmaValue(database, 'page_count')
  // The file is cut when the log is copied into it; readers of older states put that off.
  if (given > 0) database.exec('PRAGMA wal_checkpoint(PASSIVE)')
  return given * pageBytes
}
