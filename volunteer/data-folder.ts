// The volunteer's data folder: what lies where, and that only one process uses it.

import { mkdir, readFile, realpath, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { writeFileDurably } from '../core/durable-file.ts'
import { describeError, MirrorswarmError, systemCode } from '../core/errors.ts'

export interface DataFolder {
  readonly folder: string
  readonly identityFolder: string
  readonly manifestFile: string
  readonly heldFile: string
  /** Who the other volunteers are. */
  readonly rosterFile: string
  /** Objects by hash: metainfo of bundles. */
  readonly objectsFolder: string
  /** Long lists of anchors of held contents. */
  readonly anchorFolder: string
  /** Unfinished transfers of the swarm: `partial/SHA256` below `folder`. */
  readonly partialFolder: string
  /** Unfinished transfers of contents that are in no bundle. */
  readonly aloneFolder: string
  /** Verified metadata that waits until the pool files are in place. */
  readonly stagedFolder: string
  /** Note where the volunteer answers commands on this machine. */
  announceRunning(url: string): Promise<void>
  release(): Promise<void>
}

const runningFile = (folder: string): string => join(folder, 'running.json')

const Running = Type.Object({ url: Type.String() })

/**
 * Where the volunteer of this data folder answers, or did when it was killed; null when it was
 * stopped, and undefined for what is no volunteer's data folder.
 */
export const findRunning = async (folder: string): Promise<string | null | undefined> => {
  const held = await stat(join(folder, 'identity')).catch(() => null)
  if (held === null) return undefined
  try {
    const value: unknown = JSON.parse(await readFile(runningFile(folder), 'utf8'))
    return Value.Check(Running, value) ? value.url : null
  } catch (error) {
    if (error instanceof SyntaxError || systemCode(error) === 'ENOENT') return null
    throw error
  }
}

/** The lock dies with the process, so nothing is left behind by kill -9. */
const lock = (folder: string): DatabaseSync => {
  const database = new DatabaseSync(join(folder, 'lock.db'))
  try {
    database.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database.close()
    if (!/locked|busy/i.test(describeError(error))) throw error
    throw new MirrorswarmError('MS_DATA_LOCKED', `${folder} is in use by another process`, {
      cause: error,
    })
  }
}

/** Make the folder if needed and take its lock. Throws MS_DATA_LOCKED. */
export const openDataFolder = async (path: string): Promise<DataFolder> => {
  await mkdir(path, { recursive: true, mode: 0o700 })
  const folder = await realpath(path)
  const database = lock(folder)
  const data: DataFolder = {
    folder,
    identityFolder: join(folder, 'identity'),
    manifestFile: join(folder, 'manifest.db'),
    heldFile: join(folder, 'held.db'),
    rosterFile: join(folder, 'roster.json'),
    objectsFolder: join(folder, 'objects'),
    anchorFolder: join(folder, 'anchors'),
    partialFolder: join(folder, 'partial'),
    aloneFolder: join(folder, 'alone'),
    stagedFolder: join(folder, 'staged'),
    announceRunning: url =>
      writeFileDurably(runningFile(folder), `${JSON.stringify({ pid: process.pid, url })}\n`),
    release: async () => {
      await rm(runningFile(folder), { force: true })
      database.close()
    },
  }
  await mkdir(data.identityFolder, { recursive: true, mode: 0o700 })
  for (const each of [data.partialFolder, data.aloneFolder, data.stagedFolder]) {
    await mkdir(each, { recursive: true })
  }
  return data
}
