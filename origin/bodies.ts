// Finds the bytes of a content on the origin's machine: the copy that publish kept, or a file of
// the tree that still looks as it did when it was hashed. Anything else is not that content.

import { open } from 'node:fs/promises'
import { systemCode } from '../core/errors.ts'
import type { RepoPath, SnapshotNumber } from '../core/ids.ts'
import { pathInFolder } from '../core/repo-path.ts'
import { guardOf, openGuarded } from '../delivery/guarded-file.ts'
import type { Body } from '../delivery/slice-reader.ts'
import type { KeptStore } from '../manifest/kept-store.ts'
import type { Content } from '../manifest/model.ts'
import type { ManifestReader } from '../manifest/store/reader.ts'

/** A body and where it comes from; sendRepresentation closes its handle. */
export interface FoundBody {
  readonly from: 'kept' | 'tree'
  readonly body: Body
}

export interface BodySource {
  /** The repository's folder. */
  readonly root: string
  readonly reader: ManifestReader
  readonly kept: KeptStore
}

const openWhole = async (file: string, sizeBytes: number): Promise<Body | null> => {
  const handle = await open(file).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  })
  if (handle === null) return null
  try {
    const guard = guardOf(await handle.stat({ bigint: true }))
    if (guard.sizeBytes === sizeBytes) return { handle, guard }
  } catch (error) {
    await handle.close()
    throw error
  }
  await handle.close()
  return null
}

const openKept = async (kept: KeptStore, content: Content): Promise<Body | null> => {
  if (content.sizeBytes === 0) return { bytes: Buffer.alloc(0) }
  const copy = kept.get(content.sha256)
  if (copy === null) return null
  return 'bytes' in copy ? { bytes: copy.bytes } : openWhole(copy.file, content.sizeBytes)
}

/** A file that this user may not read serves nobody, but another path of the content may. */
const openInTree = async (
  { root, reader }: BodySource,
  content: Content,
  path: RepoPath,
): Promise<Body | null> => {
  const guard = reader.fileStamp(path)
  if (guard === null || guard.content !== content.number) return null
  try {
    const handle = await openGuarded(pathInFolder(root, path), guard)
    return handle === null ? null : { handle, guard }
  } catch (error) {
    if (systemCode(error) === 'EACCES') return null
    throw error
  }
}

/**
 * The bytes of a content, looked for among the kept copies, at `path` and then at the content's
 * other paths in `snapshot`. Null: every file that had it was changed since.
 */
export const openBody = async (
  source: BodySource,
  content: Content,
  path: RepoPath | null,
  snapshot: SnapshotNumber,
): Promise<FoundBody | null> => {
  const kept = await openKept(source.kept, content)
  if (kept !== null) return { from: 'kept', body: kept }
  const first = path === null ? null : await openInTree(source, content, path)
  if (first !== null) return { from: 'tree', body: first }
  for (const other of source.reader.pathsOf(content.number, snapshot)) {
    const body = other === path ? null : await openInTree(source, content, other)
    if (body !== null) return { from: 'tree', body }
  }
  return null
}

/** An immutable object of the data folder (a part of the manifest, a torrent's description). */
export const openObject = (file: string, sizeBytes: number): Promise<Body | null> =>
  openWhole(file, sizeBytes)
