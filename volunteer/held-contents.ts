// Opens held contents, for clients and for other volunteers: the first of a content's files that still
// is what was verified. A file that is not any more is reported.

import type { FileHandle } from 'node:fs/promises'
import { describeError, MirrorswarmError } from '../core/errors.ts'
import type { RepoPath, Sha256 } from '../core/ids.ts'
import type { Logger } from '../core/log.ts'
import { type FileGuard, isShortage, openGuarded, readExactly } from '../delivery/guarded-file.ts'
import type { ManifestReader } from '../manifest/store/reader.ts'
import type { ContentSource, OpenContent, OpenForm } from '../prsync/ranges-answer.ts'
import type { Forms } from '../prsync/unpacked/forms.ts'
import type { HeldFile, HeldStore } from './held-store.ts'
import type { MirrorFolder } from './mirror-folder.ts'

export interface HeldContentsParts {
  readonly store: HeldStore
  readonly folder: MirrorFolder
  readonly reader: ManifestReader
  readonly logger: Logger
  /** Unpacked forms of held gzip files. */
  readonly forms?: Pick<Forms, 'open'>
  /** A held file turned out to be gone or changed. */
  readonly onLost: (path: RepoPath) => void
}

export interface OpenHeldFile {
  readonly held: HeldFile
  readonly handle: FileHandle
  readonly guard: FileGuard
  readonly modifiedSeconds: number
}

export class HeldContents implements ContentSource {
  readonly #parts: HeldContentsParts

  constructor(parts: HeldContentsParts) {
    this.#parts = parts
  }

  /** Null: not held (any more). The caller closes the handle. */
  async openFile(sha256: Sha256): Promise<OpenHeldFile | null> {
    const { store, folder, reader, logger } = this.#parts
    for (const held of store.filesOf(sha256)) {
      const { sizeBytes, modifiedNs, inode } = held
      const guard: FileGuard = { sizeBytes, modifiedNs, inode }
      try {
        const handle = await openGuarded(folder.file(held.path), guard)
        const modifiedSeconds = reader.contentByHash(sha256)?.modifiedSeconds ?? 0
        if (handle !== null) return { held, handle, guard, modifiedSeconds }
      } catch (error) {
        logger.warn({ path: held.path, error: describeError(error) }, 'cannot open a held file')
        if (isShortage(error)) continue
      }
      this.#lose(held.path)
    }
    return null
  }

  #lose(path: RepoPath): void {
    this.#parts.store.markChanged(path)
    this.#parts.onLost(path)
  }

  /** As prsync's answers to ranges need it; no chunk hashes are stored on a volunteer. */
  async open(sha256: Sha256): Promise<OpenContent | null> {
    const file = await this.openFile(sha256)
    if (file === null) return null
    const { handle, guard, held } = file
    return {
      sizeBytes: guard.sizeBytes,
      coarse: null,
      read: async (offset, length) => {
        const bytes = await readExactly(handle, guard, offset, length)
        if (bytes !== null) return bytes
        this.#lose(held.path)
        throw new MirrorswarmError('MS_FILE_CHANGED', `the file of ${sha256} was changed`)
      },
      close: () => handle.close(),
    }
  }

  /** The unpacked form of a held gzip file, made when it is asked for first. */
  async openForm(sha256: Sha256): Promise<OpenForm | null> {
    const { forms, store } = this.#parts
    const [held] = store.filesOf(sha256)
    if (forms === undefined || held === undefined) return null
    const { sizeBytes } = held
    return await forms.open({ sha256, sizeBytes }, async () => {
      const file = await this.openFile(sha256)
      return file === null ? null : { handle: file.handle, sizeBytes }
    })
  }
}
