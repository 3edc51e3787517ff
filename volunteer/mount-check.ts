// Notices that the disk of the mirror is not mounted: the folder is empty and on another file system
// than before. Everything would be fetched again, onto the wrong disk.

import { readdir, stat } from 'node:fs/promises'
import { MirrorswarmError } from '../core/errors.ts'
import type { HeldStore } from './held-store.ts'

/** Throws MS_TREE_UNREADABLE when the mirror's disk is missing; else remembers the file system. */
export const checkMounted = async (
  root: string,
  store: HeldStore,
  deviceOf = async (folder: string): Promise<string> =>
    String((await stat(folder, { bigint: true })).dev),
): Promise<void> => {
  const before = store.meta('device')
  const device = await deviceOf(root)
  if (before === device) return
  const isUsed = store.records(null, 1).length > 0
  if (before !== null && isUsed && (await readdir(root)).length === 0) {
    throw new MirrorswarmError(
      'MS_TREE_UNREADABLE',
      `${root} is empty and on another file system than before: is its disk mounted?`,
    )
  }
  store.setMeta('device', device)
}
