// Files that survive a crash: written beside their place, flushed, renamed, and the folder flushed.

import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Flush a folder, so that names created or renamed in it survive a power cut. */
export const flushFolder = async (folder: string | Buffer): Promise<void> => {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Replace `file` by `data` in one step: readers see the old or the new, never a part. */
export const writeFileDurably = async (
  file: string,
  data: Uint8Array | string,
  mode = 0o644,
): Promise<void> => {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const handle = await open(temporary, 'wx', mode)
    try {
      await handle.writeFile(data)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await flushFolder(dirname(file))
}
