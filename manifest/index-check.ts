// Looks at the Release and repomd.xml files of the tree that is being published, and at the files
// they name, so that no half-finished upload becomes a snapshot.

import { readFileSync } from 'node:fs'
import { MirrorswarmError, systemCode } from '../core/errors.ts'
import type { RepoPath, Sha256 } from '../core/ids.ts'
import { sha256Hex } from '../core/keys.ts'
import { incompleteGraceMs, indexFileBytes } from '../core/limits.ts'
import {
  baseName,
  joinPath,
  parentPath,
  parseRequestPath,
  pathInFolder,
} from '../core/repo-path.ts'
import type { NamedFile } from './formats/named-file.ts'
import { parseRelease } from './formats/release.ts'
import { parseRepomd } from './formats/repomd.ts'
import type { KeptStore } from './kept-store.ts'
import { findMissing, type Presence } from './logic/completeness.ts'
import type { ScannedFile } from './scan.ts'
import { PendingTree, type TreeContent } from './store/pending-tree.ts'
import type { ManifestWriter } from './store/writer.ts'

export interface IndexCheckOptions {
  readonly root: string
  readonly store: ManifestWriter
  readonly kept: KeptStore
  readonly nowMs: number
}

/** An index and the first file that it names and that is not as it says. */
export interface Incomplete {
  readonly index: RepoPath
  readonly missing: RepoPath
  readonly presence: 'other' | 'absent'
}

const parsers: Readonly<Record<string, (text: string) => NamedFile[]>> = {
  Release: parseRelease,
  InRelease: parseRelease,
  'repomd.xml': parseRepomd,
}

/** True for files whose named files are checked. */
export const isIndexFile = (file: ScannedFile): boolean =>
  Object.hasOwn(parsers, baseName(file.path)) && file.sizeBytes <= indexFileBytes

/** The folder that an index's names are relative to. */
const baseOf = (index: RepoPath): RepoPath =>
  baseName(index) === 'repomd.xml' ? parentPath(parentPath(index)) : parentPath(index)

/** A name as it stands in an index as a path of the repository; null if it leads out. */
const pathBelow = (folder: RepoPath, name: string): RepoPath | null => {
  const parsed = parseRequestPath(encodeURI(name.replace(/^(?:\.\/+)+/, '')))
  return parsed.ok && parsed.path !== '' ? joinPath(folder, parsed.path) : null
}

class IndexCheck {
  readonly #options: IndexCheckOptions
  readonly #tree: PendingTree

  constructor(options: IndexCheckOptions) {
    this.#options = options
    this.#tree = new PendingTree(options.store)
  }

  /** The bytes that were hashed, from the copy or from a file that is still the same; else null. */
  #read(path: RepoPath, sha256: Sha256): string | null {
    const kept = this.#options.kept.get(sha256)
    if (kept !== null && 'bytes' in kept) return kept.bytes.toString('utf8')
    const file = kept === null ? pathInFolder(this.#options.root, path) : kept.file
    try {
      const bytes = readFileSync(file)
      return sha256Hex(bytes) === sha256 ? bytes.toString('utf8') : null
    } catch (error) {
      if (systemCode(error) === 'ENOENT' || systemCode(error) === 'EACCES') return null
      throw new MirrorswarmError('MS_TREE_UNREADABLE', `cannot read "/${path}"`, { cause: error })
    }
  }

  /** Null where there is no such index, or its bytes are there no more. */
  #named(path: RepoPath, found: TreeContent | null): NamedFile[] | null {
    if (found === null || found.kind === 'link') return null
    const text = this.#read(path, found.sha256)
    return text === null ? null : (parsers[baseName(path)]?.(text) ?? null)
  }

  #presence(base: RepoPath, file: NamedFile): Presence {
    const path = pathBelow(base, file.path)
    const found = path === null ? null : this.#tree.now(path)
    if (found === null) return path === null ? 'right' : 'absent'
    if (found.kind === 'link') return 'right'
    const sameHash = file.sha256 === null || file.sha256 === found.sha256
    const sameSize = file.sizeBytes === null || file.sizeBytes === found.sizeBytes
    return sameHash && sameSize ? 'right' : 'other'
  }

  check(index: ScannedFile): Incomplete | null {
    const base = baseOf(index.path)
    const now = this.#tree.now(index.path)
    if (now?.kind !== 'file' || !this.#tree.changedBelow(base)) return null
    const named = this.#named(index.path, now)
    if (named === null) return { index: index.path, missing: index.path, presence: 'other' }
    const found = findMissing(
      {
        named,
        before: this.#named(index.path, this.#tree.before(index.path)),
        ageMs: this.#options.nowMs - Number(index.changedNs / 1_000_000n),
      },
      {
        now: file => this.#presence(base, file),
        existedBefore: name => {
          const path = pathBelow(base, name)
          return path !== null && this.#tree.before(path) !== null
        },
      },
      incompleteGraceMs,
    )
    if (found === null) return null
    const missing = pathBelow(base, found.path) ?? index.path
    return { index: index.path, missing, presence: found.presence }
  }
}

/** The first index that is not complete, or null. `indexes`: all of the tree. */
export const findIncomplete = (
  options: IndexCheckOptions,
  indexes: Iterable<ScannedFile>,
): Incomplete | null => {
  const check = new IndexCheck(options)
  for (const index of indexes) {
    const incomplete = check.check(index)
    if (incomplete !== null) return incomplete
  }
  return null
}
