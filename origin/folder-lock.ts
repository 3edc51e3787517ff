// One process at a time for a data folder. The lock is SQLite's (the system drops it with the
// process, however it ends), so a lock left behind by a dead process never stands in the way.

import { readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { MirrorswarmError } from '../core/errors.ts'

export interface FolderLock {
  release(): Promise<void>
}

const holder = (file: string): string => {
  try {
    const pid = readFileSync(file, 'utf8').trim()
    return /^\d+$/.test(pid) ? ` (process ${pid})` : ''
  } catch {
    // The number is a courtesy to the reader of the message; without it the message still holds.
    return ''
  }
}

const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'errcode' in error && (error.errcode === 5 || error.errcode === 6)

/** Take the lock of a data folder; throws MS_DATA_LOCKED when another process, or part, has it. */
export const lockFolder = (folder: string): FolderLock => {
  const pidFile = join(folder, 'lock')
  const database = new DatabaseSync(join(folder, 'lock.db'))
  try {
    database.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (!isBusy(error)) throw error
    throw new MirrorswarmError(
      'MS_DATA_LOCKED',
      `the data folder ${folder} is in use${holder(pidFile)}`,
      { cause: error },
    )
  }
  writeFileSync(pidFile, `${process.pid}\n`)
  return {
    release: async () => {
      await rm(pidFile, { force: true })
      database.close()
    },
  }
}
