// Opening a file that was hashed earlier and noticing when it is no longer the same: the tree
// belongs to others, who may change it at any time.

import type { BigIntStats } from 'node:fs'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { systemCode } from '../core/errors.ts'

/** What fstat said when the file was hashed. What is left out is not compared. */
export interface FileGuard {
  readonly sizeBytes: number
  readonly modifiedNs: bigint
  /** A new hard link changes it too: leave it out where the own process makes such links. */
  readonly changedNs?: bigint
  readonly inode?: bigint
}

export const guardOf = (stats: BigIntStats): FileGuard => ({
  sizeBytes: Number(stats.size),
  modifiedNs: stats.mtimeNs,
  changedNs: stats.ctimeNs,
  inode: stats.ino,
})

export const isGuarded = (stats: BigIntStats, guard: FileGuard): boolean =>
  stats.isFile() &&
  stats.size === BigInt(guard.sizeBytes) &&
  stats.mtimeNs === guard.modifiedNs &&
  (guard.changedNs === undefined || stats.ctimeNs === guard.changedNs) &&
  (guard.inode === undefined || stats.ino === guard.inode)

/** What the system says when a path no longer leads to the file that was there. */
const gone = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO', 'ENAMETOOLONG'])

const shortages = new Set(['EMFILE', 'ENFILE', 'ENOMEM'])

/** Did opening or reading fail for want of something that comes back? Says nothing about the file. */
export const isShortage = (error: unknown): boolean => shortages.has(systemCode(error) ?? '')

/**
 * Open a file for sending if it is still the one that was hashed; null when it is another or gone.
 * A name that became a symlink is not followed, one that became a pipe is not waited for. Throws
 * what else the system says (EACCES, EMFILE, EIO, …).
 */
export const openGuarded = async (
  file: string | Buffer,
  guard: FileGuard,
): Promise<FileHandle | null> => {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  let handle: FileHandle
  try {
    handle = await open(file, flags)
  } catch (error) {
    if (gone.has(systemCode(error) ?? '')) return null
    throw error
  }
  try {
    if (isGuarded(await handle.stat({ bigint: true }), guard)) return handle
  } catch (error) {
    await handle.close()
    throw error
  }
  await handle.close()
  return null
}

/**
 * Bytes of an open file, in memory of their own; null when the file is shorter or is not the one
 * that was hashed any more, which is checked after the read.
 */
export const readExactly = async (
  handle: FileHandle,
  guard: FileGuard,
  offset: number,
  length: number,
): Promise<Buffer | null> => {
  const bytes = Buffer.allocUnsafeSlow(length)
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, length - done, offset + done)
    if (bytesRead === 0) return null
    done += bytesRead
  }
  return isGuarded(await handle.stat({ bigint: true }), guard) ? bytes : null
}
