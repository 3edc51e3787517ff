// The files that clients ask for now, by the very text of their requests, so that the usual request
// costs one look into memory: path, content and the headers that every answer has. Only files that
// may be redirected are here; whatever else a target leads to is answered by the routes.

import { LRUCache } from 'lru-cache'
import type { RepoPath, SnapshotNumber } from '../core/ids.ts'
import { hotFiles, lookupKeyCharacters } from '../core/limits.ts'
import { parseRequestPath } from '../core/repo-path.ts'
import { headLines } from '../delivery/head-lines.ts'
import { validatorHeaders } from '../delivery/logic/respond.ts'
import type { KeepAtOrigin } from '../manifest/logic/keep-at-origin.ts'
import { type FoundFile, mayRedirect } from './found-file.ts'
import { isOwnTarget, splitTarget } from './logic/public-url.ts'
import { isEntryPoint } from './logic/snapshot-pin.ts'
import type { Resolver } from './resolver.ts'

export interface HotFile extends FoundFile {
  /** Header lines that each redirect to it has. */
  readonly head: string
}

export interface HotFilesParts {
  readonly resolver: Pick<Resolver, 'latest' | 'findFile'>
  readonly keepAtOrigin: KeepAtOrigin
  readonly isIndex: (path: RepoPath) => boolean
  /** Path prefix of the public URL. */
  readonly prefix: string
}

/** A target that is the path of a file as it is, but for the slash in front. */
const plainTarget = /^(?:\/(?:[A-Za-z0-9_~-]|\.(?!\.?(?:\/|$)))[A-Za-z0-9._~-]*)+$/

export class HotFiles {
  readonly #parts: HotFilesParts
  readonly #known: LRUCache<string, HotFile>
  #snapshot: SnapshotNumber | null = null

  constructor(parts: HotFilesParts, limit = hotFiles) {
    this.#parts = parts
    this.#known = new LRUCache<string, HotFile>({ max: limit })
  }

  /**
   * The file of the newest snapshot that this target, as it stood on the request line, names; null
   * when there is none or when more than the name decides how it is answered.
   */
  find(target: string): HotFile | null {
    const { latest } = this.#parts.resolver
    if (latest === null) return null
    if (latest.number !== this.#snapshot) {
      this.#known.clear()
      this.#snapshot = latest.number
    }
    const known = this.#known.get(target)
    if (known !== undefined) return known
    if (target.length > lookupKeyCharacters) return null
    const path = this.#pathOf(target)
    return path === null ? null : this.#look(target, path, latest.number)
  }

  #pathOf(target: string): RepoPath | null {
    const { prefix } = this.#parts
    if (prefix === '' && plainTarget.test(target) && !isOwnTarget(target)) {
      return target.slice(1) as RepoPath
    }
    if (target.includes('?')) return null
    const { raw } = splitTarget(target, prefix)
    if (isOwnTarget(raw)) return null
    const parsed = parseRequestPath(raw)
    return parsed.ok && !parsed.directory ? parsed.path : null
  }

  #look(target: string, path: RepoPath, snapshot: SnapshotNumber): HotFile | null {
    const { resolver } = this.#parts
    // Which snapshot a client sees of these depends on the client.
    if (isEntryPoint(path) || this.#parts.isIndex(path)) return null
    const found = resolver.findFile(path, snapshot)
    if (found === null) return null
    const file: FoundFile = { path, realPath: found.path, content: found.content, snapshot }
    if (!mayRedirect(this.#parts, file, false).redirect) return null
    const headers = { 'cache-control': 'no-store', ...validatorHeaders(file.content) }
    const hot: HotFile = { ...file, head: headLines(headers) }
    // One or two spellings of each file: made-up ones cannot fill the memory.
    if (target.length <= this.#parts.prefix.length + 1 + path.length) this.#known.set(target, hot)
    return hot
  }
}
