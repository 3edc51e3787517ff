// The origin's data folder: made on first start, private to its user, used by one process at a
// time. It remembers which repository it belongs to, so that commands need only the folder.

import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, realpath, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { writeFileDurably } from '../core/durable-file.ts'
import { MirrorswarmError, systemCode } from '../core/errors.ts'
import { type KeyPair, loadOrCreateKeys } from '../core/keys.ts'
import { lockFolder } from './folder-lock.ts'

/** Grows when the layout of the folder changes in a way that older programs misread. */
const layoutVersion = 1

const Remembered = Type.Object({
  version: Type.Integer(),
  repositoryDir: Type.String(),
  keepAtOrigin: Type.Array(Type.String()),
})

const Running = Type.Object({ pid: Type.Integer(), url: Type.String() })

/** What the folder knows of its repository, for commands that are given only the folder. */
export interface RememberedOptions {
  readonly repositoryDir: string
  /** The operator's own patterns of names that are never redirected. */
  readonly keepAtOrigin: readonly string[]
}

export interface DataFiles {
  readonly folder: string
  readonly manifest: string
  readonly state: string
  readonly tokens: string
  readonly clients: string
  readonly torrents: string
  readonly operatorToken: string
  readonly running: string
  /** What the dashboard shows of the past. */
  readonly dashboard: string
  /** Is there if the numbers of snapshots may have gone back: begin a new epoch. */
  readonly newEpoch: string
}

export interface DataFolder {
  readonly files: DataFiles
  readonly options: RememberedOptions
  /** Signs the online key; volunteers pin it. */
  readonly rootKeys: KeyPair
  /** Signs heads. */
  readonly onlineKeys: KeyPair
  /** X25519: agrees with each volunteer on the key of its links. */
  readonly exchangeKeys: KeyPair
  readonly operatorToken: string
  /** True when the operator token was made just now, so that it can be shown once. */
  readonly created: boolean
  /** Let other commands find the running origin. */
  announceRunning(url: string): Promise<void>
  close(): Promise<void>
}

export const dataFiles = (dataDir: string): DataFiles => {
  const folder = resolve(dataDir)
  return {
    folder,
    manifest: join(folder, 'manifest.db'),
    state: join(folder, 'state.db'),
    tokens: join(folder, 'tokens.db'),
    clients: join(folder, 'clients.db'),
    torrents: join(folder, 'torrents.db'),
    operatorToken: join(folder, 'operator-token'),
    running: join(folder, 'running.json'),
    dashboard: join(folder, 'dashboard.json'),
    newEpoch: join(folder, 'new-epoch'),
  }
}

const readOptional = async (file: string): Promise<string | null> => {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw new MirrorswarmError('MS_DATA_CORRUPT', `cannot read ${file}`, { cause: error })
  }
}

const parseJson = (text: string, file: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new MirrorswarmError('MS_DATA_CORRUPT', `${file} is damaged`, { cause: error })
  }
}

const readRemembered = async (files: DataFiles): Promise<RememberedOptions | null> => {
  const file = join(files.folder, 'origin.json')
  const text = await readOptional(file)
  if (text === null) return null
  const value = parseJson(text, file)
  if (!Value.Check(Remembered, value)) {
    throw new MirrorswarmError('MS_DATA_CORRUPT', `${file} is damaged`)
  }
  if (value.version > layoutVersion) {
    throw new MirrorswarmError(
      'MS_DATA_CORRUPT',
      `${files.folder} was written by a newer version (layout ${value.version})`,
    )
  }
  return { repositoryDir: value.repositoryDir, keepAtOrigin: value.keepAtOrigin }
}

const remember = async (files: DataFiles, options: RememberedOptions): Promise<void> => {
  const before = await readRemembered(files)
  const text = JSON.stringify({ version: layoutVersion, ...options })
  if (before !== null && JSON.stringify({ version: layoutVersion, ...before }) === text) return
  await writeFileDurably(join(files.folder, 'origin.json'), `${text}\n`)
}

/** The real path that a folder has or would have, symlinks above it resolved. */
const realLocation = async (folder: string): Promise<string> => {
  try {
    return await realpath(folder)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || dirname(folder) === folder) throw error
    return join(await realLocation(dirname(folder)), basename(folder))
  }
}

/** The repository's real path; throws unless it is a folder and the data folder lies outside. */
const checkPlaces = async (repositoryDir: string, folder: string): Promise<string> => {
  const root = await realpath(repositoryDir).catch((error: unknown) => {
    throw new MirrorswarmError('MS_CONFIG_INVALID', `there is no folder ${repositoryDir}`, {
      cause: error,
    })
  })
  if (!(await stat(root)).isDirectory()) {
    throw new MirrorswarmError('MS_CONFIG_INVALID', `${repositoryDir} is not a folder`)
  }
  const data = await realLocation(folder)
  if (data === root || data.startsWith(root === sep ? root : root + sep)) {
    throw new MirrorswarmError(
      'MS_CONFIG_INVALID',
      `the data folder ${folder} lies in the repository ${repositoryDir}: name another --data`,
    )
  }
  return root
}

const makeFolder = async (folder: string): Promise<void> => {
  const made = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (made !== undefined) await chmod(folder, 0o700)
}

const loadOperatorToken = async (file: string): Promise<{ token: string; created: boolean }> => {
  const text = (await readOptional(file))?.trim()
  if (text !== undefined && text !== '') return { token: text, created: false }
  const token = randomBytes(24).toString('base64url')
  await writeFileDurably(file, `${token}\n`, 0o600)
  return { token, created: true }
}

/**
 * Open (or make) a data folder and lock it. `given` names the repository; without it the folder
 * must know one already. Throws MS_DATA_LOCKED, MS_CONFIG_INVALID, MS_DATA_CORRUPT.
 */
export const openDataFolder = async (
  dataDir: string,
  given: RememberedOptions | null,
): Promise<DataFolder> => {
  const files = dataFiles(dataDir)
  const known = given ?? (await readRemembered(files))
  if (known === null) {
    throw new MirrorswarmError(
      'MS_CONFIG_INVALID',
      `${files.folder} is not an origin's data folder`,
    )
  }
  const repositoryDir = await checkPlaces(known.repositoryDir, files.folder)
  if (given !== null) await makeFolder(files.folder)
  const lock = lockFolder(files.folder)
  try {
    // Read before it is replaced: a folder of a newer version must stay as it is.
    await remember(files, { repositoryDir, keepAtOrigin: known.keepAtOrigin })
    const keys = join(files.folder, 'keys')
    await mkdir(keys, { recursive: true, mode: 0o700 })
    const operator = await loadOperatorToken(files.operatorToken)
    return {
      files,
      options: { repositoryDir, keepAtOrigin: known.keepAtOrigin },
      rootKeys: await loadOrCreateKeys(join(keys, 'root.pem'), 'ed25519'),
      onlineKeys: await loadOrCreateKeys(join(keys, 'online.pem'), 'ed25519'),
      exchangeKeys: await loadOrCreateKeys(join(keys, 'exchange.pem'), 'x25519'),
      operatorToken: operator.token,
      created: operator.created,
      announceRunning: url =>
        writeFileDurably(files.running, `${JSON.stringify({ pid: process.pid, url })}\n`),
      close: async () => {
        await rm(files.running, { force: true })
        await lock.release()
      },
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** Where the origin that uses this folder serves, and its operator token; null when none does. */
export const findRunning = async (
  dataDir: string,
): Promise<{ url: string; operatorToken: string } | null> => {
  const files = dataFiles(dataDir)
  const text = await readOptional(files.running)
  const token = await readOptional(files.operatorToken)
  if (text === null || token === null) return null
  const value = parseJson(text, files.running)
  if (!Value.Check(Running, value)) {
    throw new MirrorswarmError('MS_DATA_CORRUPT', `${files.running} is damaged`)
  }
  return { url: value.url, operatorToken: token.trim() }
}
