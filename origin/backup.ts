// Copies an origin's data folder while the origin runs or not, so that an origin started on the copy is
// a whole one. What can be made anew (unpacked forms, anchors, locks) is left out.

import { cp, mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describeError, isMirrorswarmError, MirrorswarmError, systemCode } from '../core/errors.ts'
import { backupLockMs } from '../core/limits.ts'
import { dataFiles } from './data-folder.ts'

/** In this order: what a later one names, an earlier one has, or the folders that come after. */
const databases = [
  ...['manifest.db', 'kept.db', 'state.db', 'clients.db', 'tokens.db'],
  ...['torrents.db', 'mirrors.db'],
] as const
/** Files in them never change, and are named by their content; they come after who names them. */
const rest = [
  ...['objects', 'kept', 'keys', 'operator-token', 'dashboard.json', 'origin.json'],
] as const

export interface BackupSummary {
  readonly folder: string
  /** What was copied, databases as they are packed. */
  readonly bytes: number
}

export interface BackupProgress {
  readonly what: string
  readonly done: number
  readonly total: number
}

const exists = async (path: string): Promise<boolean> => {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}

/** A copy of one moment, without what waits in the log beside it; readers and writers go on. */
const copyDatabase = (from: string, to: string): void => {
  const database = new DatabaseSync(from, { timeout: backupLockMs })
  try {
    database.prepare('VACUUM INTO ?').run(to)
  } finally {
    database.close()
  }
}

const sizeOf = async (path: string): Promise<number> => {
  const found = await stat(path)
  if (!found.isDirectory()) return found.size
  const names = await readdir(path)
  const sizes = await Promise.all(names.map(name => sizeOf(join(path, name))))
  return sizes.reduce((sum, size) => sum + size, 0)
}

const makeTarget = async (target: string): Promise<void> => {
  await mkdir(target, { recursive: true, mode: 0o700 })
  if ((await readdir(target)).length === 0) return
  throw new MirrorswarmError(
    'MS_CONFIG_INVALID',
    `${target} is not empty: name a folder that a backup may fill`,
  )
}

const requireOrigin = async (folder: string): Promise<void> => {
  if (await exists(join(folder, 'origin.json'))) return
  throw new MirrorswarmError('MS_CONFIG_INVALID', `${folder} is not an origin's data folder`)
}

/** Where an origin starts on it: its snapshots may have been followed by others. */
const newEpochText = 'An origin that starts here begins a new epoch, and removes this file.\n'

/**
 * Copy the data folder `dataDir` into the empty or missing folder `target`. Rejects with
 * MS_CONFIG_INVALID, and MS_DATA_CORRUPT where something cannot be read.
 */
export const backUp = async (
  dataDir: string,
  target: string,
  onProgress: (progress: BackupProgress) => void = () => undefined,
): Promise<BackupSummary> => {
  const { folder } = dataFiles(dataDir)
  await requireOrigin(folder)
  await makeTarget(target)
  // First: what is interrupted is no backup, but may be taken for one.
  await writeFile(dataFiles(target).newEpoch, newEpochText)
  const total = databases.length + rest.length
  let done = 0
  for (const name of [...databases, ...rest]) {
    onProgress({ what: name, done: done++, total })
    const from = join(folder, name)
    if (!(await exists(from))) continue
    try {
      if (name.endsWith('.db')) copyDatabase(from, join(target, name))
      else await cp(from, join(target, name), { recursive: true, preserveTimestamps: true })
    } catch (error) {
      if (isMirrorswarmError(error)) throw error
      const message = `${from} cannot be copied (did a prune run?): ${describeError(error)}`
      throw new MirrorswarmError('MS_DATA_CORRUPT', message, { cause: error })
    }
  }
  return { folder: target, bytes: await sizeOf(target) }
}
