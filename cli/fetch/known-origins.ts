// Which root key each origin had when it was first seen: a JSON file of the user's, so that an origin
// that is replaced later is noticed.

import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { writeFileDurably } from '../../core/durable-file.ts'
import { MirrorswarmError, systemCode } from '../../core/errors.ts'

type Known = Readonly<Record<string, string>>

const read = async (file: string): Promise<Known> => {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return {}
    throw error
  }
  try {
    const value: unknown = JSON.parse(text)
    const entries = Object.entries(typeof value === 'object' && value !== null ? value : [])
    if (entries.every(([, key]) => typeof key === 'string')) return Object.fromEntries(entries)
  } catch {
    // Said below.
  }
  throw new MirrorswarmError('MS_DATA_CORRUPT', `${file} is damaged; repair or remove it`)
}

/** The root key that is pinned for an origin's base URL; null: never seen. */
export const pinnedKey = async (file: string, base: string): Promise<string | null> => {
  const known = await read(file)
  return Object.hasOwn(known, base) ? (known[base] ?? null) : null
}

export const pinKey = async (file: string, base: string, rootKey: string): Promise<void> => {
  const known = await read(file)
  await mkdir(dirname(file), { recursive: true })
  const text = JSON.stringify({ ...known, [base]: rootKey }, null, 2)
  await writeFileDurably(file, `${text}\n`, 0o600)
}
