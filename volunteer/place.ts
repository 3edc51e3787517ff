// Puts verified contents in place: hash, flush, rename; further paths of the same content as hard
// links, or copies where links are refused. What belongs to the owner is left as it is and reported.

import { randomBytes } from 'node:crypto'
import { link, open, rename, rm, symlink } from 'node:fs/promises'
import { MirrorswarmError, systemCode } from '../core/errors.ts'
import type { RepoPath, Sha256 } from '../core/ids.ts'
import { pathToBytes } from '../core/repo-path.ts'
import { temporaryPrefix } from '../manifest/logic/scope.ts'
import type { Content } from '../manifest/model.ts'
import { ClearWay } from './clear-way.ts'
import { copyVerified } from './copy.ts'
import type { FileHasher, Finish, HashResult } from './hasher.ts'
import { type HeldStore, sameStamp } from './held-store.ts'
import { linkStaysInside } from './logic/placement.ts'
import type { MirrorFolder, SeenFolders } from './mirror-folder.ts'
import { RecordQueue } from './record-queue.ts'

/** The calls that some file systems refuse; tests put refusing ones here. */
export interface FileCalls {
  readonly link: typeof link
  readonly rename: typeof rename
}

export interface PlacerParts {
  readonly folder: MirrorFolder
  readonly store: HeldStore
  readonly hasher: FileHasher
  /** Whether a hash is that of any content of the repository, in whichever snapshot. */
  readonly isKnownContent: (sha256: Sha256) => boolean
  readonly calls?: FileCalls
}

type Hashed = Extract<HashResult, { readonly kind: 'hashed' }>

export type Placed =
  | { readonly path: RepoPath; readonly kind: 'placed' }
  | { readonly path: RepoPath; readonly kind: 'blocked'; readonly reason: string }

/** Codes with which link(2) says "not here": a copy does as well. */
const linkRefusals: ReadonlySet<string | undefined> = new Set([
  'EPERM',
  'EACCES',
  'EMLINK',
  'EXDEV',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
])

/** What the owner must settle; it blocks this path, not the others. */
const ownersCodes: ReadonlyMap<string | undefined, string> = new Map([
  ['EACCES', 'the folder or file there may not be changed by this user'],
  ['EPERM', 'the folder or file there may not be changed by this user'],
  ['EROFS', 'the file system is read-only'],
  ['ENAMETOOLONG', 'the name is too long for this file system'],
  ['EILSEQ', 'this file system does not take such names'],
  ['EINVAL', 'this file system does not take such names'],
])

const fullCodes: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT'])

/** The reason if the owner must act on it; a full disk becomes MS_DISK_FULL; others are thrown on. */
const blockedBy = (error: unknown): string => {
  const code = systemCode(error)
  if (fullCodes.has(code)) {
    throw new MirrorswarmError('MS_DISK_FULL', 'no space is left for the mirror', { cause: error })
  }
  const reason = ownersCodes.get(code)
  if (reason === undefined) throw error
  return reason
}

export class Placer {
  readonly #parts: PlacerParts
  readonly #calls: FileCalls
  readonly #queue: RecordQueue
  readonly #way: ClearWay
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: PlacerParts) {
    this.#parts = parts
    this.#calls = parts.calls ?? { link, rename }
    this.#queue = new RecordQueue(parts)
    this.#way = new ClearWay(parts)
  }

  /** One change of the tree after the other; hashing and flushing go on beside it. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => undefined)
    return result
  }

  /**
   * Put a fetched content at all of `paths`. The file is verified and then consumed. Throws
   * MS_CONTENT_MISMATCH (the file is removed) and MS_DISK_FULL.
   */
  async placeFetched(
    content: Content,
    fetched: string,
    paths: readonly RepoPath[],
  ): Promise<Placed[]> {
    await this.#verifyAndFinish(content, fetched)
    const results: Placed[] = []
    let source: string | null = fetched
    for (const path of paths) {
      const from: string | null = source
      const placed = await this.#place(content, path, target =>
        from === null ? this.#duplicate(content, path, target) : this.#move(content, from, target),
      )
      if (placed.kind === 'placed') source = null
      results.push(placed)
    }
    if (source !== null) await rm(fetched, { force: true })
    return results
  }

  /** Put a content that is held elsewhere in the mirror at `paths` too; MS_CONTENT_NOT_HELD. */
  async placeHeld(content: Content, paths: readonly RepoPath[]): Promise<Placed[]> {
    const results: Placed[] = []
    for (const path of paths) {
      results.push(
        await this.#place(content, path, target => this.#duplicate(content, path, target)),
      )
    }
    return results
  }

  /** Put a symlink in place. */
  async placeLink(path: RepoPath, target: string): Promise<Placed> {
    if (!linkStaysInside(path, target)) {
      return { path, kind: 'blocked', reason: 'the symlink could lead out of the mirror' }
    }
    return await this.#inTurn(async () => {
      try {
        const way = await this.#way.open(path)
        if (way.kind === 'blocked') return { path, ...way }
        await this.#parts.folder.makeFoldersAbove(path, made => this.#queue.folderMade(made))
        const temporary = this.#temporary(path)
        await symlink(pathToBytes(target as RepoPath), temporary)
        await this.#renameOver(temporary, this.#parts.folder.file(path))
        this.#parts.store.recordLink(path, target)
        return { path, kind: 'placed' }
      } catch (error) {
        return { path, kind: 'blocked', reason: blockedBy(error) }
      }
    })
  }

  /** Remove what is ours at a path; false when it is the owner's now and was left alone. */
  async remove(path: RepoPath): Promise<boolean> {
    return await this.#inTurn(() => this.#way.removeOwn(path))
  }

  /** Throws MS_CONTENT_MISMATCH, after removing the file, unless it has the content's bytes. */
  async verify(content: Content, file: string): Promise<void> {
    await this.#verified(content, file)
  }

  /** The same, and mode and time as any mirror has them, and all of it on the disk. */
  async #verifyAndFinish(content: Content, file: string): Promise<void> {
    const { sha256, modifiedSeconds } = content
    const { finished } = await this.#verified(content, file, { sha256, modifiedSeconds })
    if (finished === undefined) await this.#finish(content, file)
    if (finished === undefined || finished === true) return
    if (fullCodes.has(finished)) {
      throw new MirrorswarmError('MS_DISK_FULL', 'no space is left for the mirror')
    }
    throw Object.assign(new Error(`${finished}: ${sha256} cannot be flushed`), { code: finished })
  }

  async #verified(content: Content, file: string, finish?: Finish): Promise<Hashed> {
    const result = await this.#parts.hasher.hash(Buffer.from(file), finish)
    if (result.kind === 'hashed' && result.sha256 === content.sha256) return result
    await rm(file, { force: true })
    throw new MirrorswarmError(
      'MS_CONTENT_MISMATCH',
      `what was fetched as ${content.sha256} ${result.kind === 'hashed' ? `is ${result.sha256}` : `cannot be read (${result.kind})`}`,
    )
  }

  /** Mode and time as any mirror has them, and all of it on the disk. */
  async #finish(content: Content, file: string | Buffer): Promise<void> {
    const handle = await open(file, 'r+')
    try {
      await handle.chmod(0o644)
      await handle.utimes(content.modifiedSeconds, content.modifiedSeconds)
      await handle.sync()
    } finally {
      await handle.close()
    }
  }

  async #place(
    content: Content,
    path: RepoPath,
    put: (target: Buffer) => Promise<void>,
  ): Promise<Placed> {
    const seen: SeenFolders = new Map()
    const placed = await this.#inTurn(async (): Promise<Placed> => {
      try {
        const way = await this.#way.open(path, seen)
        if (way.kind === 'blocked') return { path, ...way }
        await this.#parts.folder.makeFoldersAbove(path, made => this.#queue.folderMade(made), seen)
        await put(this.#parts.folder.file(path))
        return { path, kind: 'placed' }
      } catch (error) {
        if (error instanceof MirrorswarmError) throw error
        return { path, kind: 'blocked', reason: blockedBy(error) }
      }
    })
    if (placed.kind === 'blocked') return placed
    const found = await this.#parts.folder.look(path, seen)
    if (found.kind !== 'file' || found.stamp.sizeBytes !== content.sizeBytes) {
      return { path, kind: 'blocked', reason: 'it was replaced by somebody else meanwhile' }
    }
    const { sha256, number } = content
    await this.#queue.add({ path, sha256, content: number, ...found.stamp })
    return placed
  }

  #temporary(path: RepoPath): Buffer {
    const name = `${temporaryPrefix}${randomBytes(8).toString('hex')}`
    return this.#parts.folder.temporary(path, name)
  }

  /** Rename and leave no temporary, whatever happens (rename(2) keeps both if they are one file). */
  async #renameOver(temporary: Buffer, target: Buffer): Promise<void> {
    try {
      await this.#calls.rename(temporary, target)
    } finally {
      await rm(temporary, { force: true })
    }
  }

  async #move(content: Content, fetched: string, target: Buffer): Promise<void> {
    try {
      await this.#calls.rename(fetched, target)
    } catch (error) {
      if (systemCode(error) !== 'EXDEV') throw error
      await this.#copy(content, Buffer.from(fetched), target)
      await rm(fetched, { force: true })
    }
  }

  async #copy(content: Content, source: Buffer, target: Buffer): Promise<void> {
    const slash = target.lastIndexOf('/')
    const name = `${temporaryPrefix}${randomBytes(8).toString('hex')}`
    const temporary = Buffer.concat([target.subarray(0, slash + 1), Buffer.from(name)])
    try {
      await copyVerified(source, temporary, content.sha256)
      await this.#finish(content, temporary)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
    await this.#renameOver(temporary, target)
  }

  /** Hard-link, else copy, a path that holds the content and is still what was verified. */
  async #duplicate(content: Content, path: RepoPath, target: Buffer): Promise<void> {
    for (const held of this.#parts.store.filesOf(content.sha256)) {
      if (held.path === path) continue
      const found = await this.#parts.folder.look(held.path)
      if (found.kind !== 'file' || !sameStamp(found.stamp, held)) {
        this.#parts.store.markChanged(held.path)
        continue
      }
      const source = this.#parts.folder.file(held.path)
      const temporary = this.#temporary(path)
      try {
        await this.#calls.link(source, temporary)
      } catch (error) {
        if (!linkRefusals.has(systemCode(error))) throw error
        await this.#copy(content, source, target)
        return
      }
      await this.#renameOver(temporary, target)
      return
    }
    throw new MirrorswarmError('MS_CONTENT_NOT_HELD', `${content.sha256} is not held any more`)
  }
}
