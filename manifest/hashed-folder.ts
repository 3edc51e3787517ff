// Tidies a folder of files that are named by their SHA-256, in folders named by its first two digits.
// It does not know what the files are.

import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../core/errors.ts'
import { isSha256, type Sha256 } from '../core/ids.ts'

const namesIn = async (folder: string): Promise<string[]> => {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return []
    throw error
  }
}

/**
 * Remove the files of which `isNeeded` is false, and what was half written; only while nobody writes
 * there. Readers that have a file open keep it.
 */
export const pruneHashed = async (
  folder: string,
  isNeeded: (sha256: Sha256) => boolean,
): Promise<{ count: number; bytes: number }> => {
  const removed = { count: 0, bytes: 0 }
  for (const prefix of await namesIn(folder)) {
    if (!/^[0-9a-f]{2}$/.test(prefix)) continue
    for (const name of await namesIn(join(folder, prefix))) {
      if (isSha256(name) && isNeeded(name)) continue
      const file = join(folder, prefix, name)
      removed.bytes += (await stat(file)).size
      removed.count += 1
      await rm(file, { force: true })
    }
  }
  return removed
}
