// The folder that keeps what data sets are made of between runs: every file is made once, and appears
// under its name only when it is whole. Knows nothing of what the files are.

import { copyFile, link, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemCode } from '../../core/errors.ts'
import { type RunOptions, run } from '../../loadtest/programs.ts'

const sizeOf = async (file: string): Promise<number | null> => {
  try {
    return (await stat(file)).size
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
}

const isPresent = async (file: string): Promise<boolean> => (await sizeOf(file)) !== null

export class Cache {
  readonly folder: string
  readonly #making = new Map<string, Promise<string>>()

  constructor(folder: string) {
    this.folder = folder
  }

  /** The file of that path, made by `make` (which writes to the file it is given) unless it is there. */
  file(path: string, make: (file: string) => Promise<void>): Promise<string> {
    let making = this.#making.get(path)
    if (making === undefined) {
      making = this.#make(path, make)
      this.#making.set(path, making)
    }
    return making
  }

  async #make(path: string, make: (file: string) => Promise<void>): Promise<string> {
    const file = join(this.folder, path)
    if (await isPresent(file)) return file
    await mkdir(dirname(file), { recursive: true })
    const unfinished = `${file}.unfinished`
    await rm(unfinished, { recursive: true, force: true })
    await make(unfinished)
    await rename(unfinished, file)
    return file
  }

  /** A folder of the cache, made if it is missing. */
  async subfolder(path: string): Promise<string> {
    const folder = join(this.folder, path)
    await mkdir(folder, { recursive: true })
    return folder
  }

  /** The first file in `folder` whose name begins and ends so, or null. */
  async find(folder: string, prefix: string, suffix: string): Promise<string | null> {
    const names = await readdir(await this.subfolder(folder))
    const name = names.find(each => each.startsWith(prefix) && each.endsWith(suffix))
    return name === undefined ? null : join(this.folder, folder, name)
  }

  /** The bytes that all files of the cache take. */
  async sizeBytes(): Promise<number> {
    let sum = 0
    for (const entry of await readdir(this.folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) sum += (await sizeOf(join(entry.parentPath, entry.name))) ?? 0
    }
    return sum
  }
}

/** Put a file there under another name, without a copy where the file system allows it. */
export const linkFile = async (file: string, target: string): Promise<void> => {
  await mkdir(dirname(target), { recursive: true })
  try {
    await link(file, target)
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error
    await copyFile(file, target)
  }
}

/** Run a program that goes to the network: with the proxies of this machine, unlike all others. */
export const runOutside = async (
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> => {
  const result = await run(program, args, {
    timeoutMs: 1_800_000,
    ...options,
    env: { ...process.env, LC_ALL: 'C', LANG: 'C' },
  })
  if (result.status !== 0) {
    throw new Error(`${program} ended with ${result.status}: ${result.stderr.slice(-500)}`)
  }
  return result.stdout
}
