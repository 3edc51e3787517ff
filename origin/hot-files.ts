// The files that clients ask for now, by the very text of their requests, so that the usual request
// costs one look into memory: path, content and the headers that every answer has. Only files that
// may be redirected are here; whatever else a target leads to is answered by the routes.

import { LRUCache } from 'lru-cache'
import { hotFiles, lukewarmFiles } from '../core/front-limits.ts'
import type { RepoPath, SnapshotNumber } from '../core/ids.ts'
import { lookupKeyCharacters } from '../core/limits.ts'
import { parseRequestPath } from '../core/repo-path.ts'
import { formatHttpDate } from '../delivery/logic/http-date.ts'
import { entityTagOf } from '../delivery/logic/respond.ts'
import type { KeepAtOrigin } from '../manifest/logic/keep-at-origin.ts'
import type { FileContent, Snapshot } from '../manifest/model.ts'
import { mayRedirect } from './found-file.ts'
import { isOwnTarget, splitTarget } from './logic/public-url.ts'
import { isEntryPoint } from './logic/snapshot-pin.ts'
import type { PathIndex } from './path-index.ts'
import type { Resolver } from './resolver.ts'

interface HotTexts {
  /** linkContent of its hash. */
  readonly linked: string
  /** Header lines that each redirect to it has. */
  readonly head: string
}

export interface HotFile extends HotTexts {
  /** As asked for; symlinks may lead elsewhere. */
  readonly path: RepoPath
  readonly content: FileContent
  readonly snapshot: SnapshotNumber
}

export interface HotFilesParts {
  readonly resolver: Pick<Resolver, 'latest' | 'findFile'>
  /** Asked first; missing: there is none. */
  readonly index?: Pick<PathIndex, 'find'>
  readonly keepAtOrigin: KeepAtOrigin
  readonly isIndex: (path: RepoPath) => boolean
  /** Path prefix of the public URL. */
  readonly prefix: string
}

/** A target that is the path of a file as it is, but for the slash in front. */
const plainTarget = /^(?:\/(?:[A-Za-z0-9_~-]|\.(?!\.?(?:\/|$)))[A-Za-z0-9._~-]*)+$/

/** What is the same in each redirect to a content: see validatorHeaders. Nothing in it needs a check. */
export const textsOf = ({ sha256, modifiedSeconds }: FileContent): HotTexts => {
  const bytes = Buffer.from(sha256, 'hex')
  const digest = bytes.toString('base64')
  const head =
    `cache-control: no-store\r\netag: ${entityTagOf(sha256)}\r\n` +
    `last-modified: ${formatHttpDate(modifiedSeconds)}\r\n` +
    `repr-digest: sha-256=:${digest}:\r\ndigest: SHA-256=${digest}\r\n`
  return { linked: bytes.toString('base64url'), head }
}

export class HotFiles {
  readonly #parts: HotFilesParts
  readonly #known: LRUCache<string, HotFile>
  /** Numbers of contents that were asked for lately, one more than each, by their last bits. */
  readonly #lukewarm = new Uint32Array(lukewarmFiles)
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
    // A text of its own: what is remembered of it would keep all that was read with it.
    const own = Buffer.from(target, 'latin1').toString('latin1')
    const path = this.#pathOf(own)
    return path === null ? null : this.#look(own, path, latest)
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

  #look(target: string, path: RepoPath, latest: Snapshot): HotFile | null {
    const snapshot = latest.number
    const indexed = this.#parts.index?.find(path, snapshot) ?? null
    const content = indexed ?? this.#lookUp(path, snapshot)
    if (content === null) return null
    const hot: HotFile = { path, content, snapshot, ...textsOf(content) }
    // One or two spellings of each file: made-up ones cannot fill the memory.
    const isShort = target.length <= this.#parts.prefix.length + 1 + path.length
    const hasRoom = indexed === null && latest.files <= this.#known.max
    if (isShort && (hasRoom || this.#isWarm(content))) this.#known.set(target, hot)
    return hot
  }

  #lookUp(path: RepoPath, snapshot: SnapshotNumber): FileContent | null {
    // Which snapshot a client sees of these depends on the client.
    if (isEntryPoint(path) || this.#parts.isIndex(path)) return null
    const found = this.#parts.resolver.findFile(path, snapshot)
    if (found === null) return null
    const file = { path, realPath: found.path, content: found.content }
    return mayRedirect(this.#parts, file, false).redirect ? found.content : null
  }

  /** It was asked for before: whatever is asked for once would push out what is asked for often. */
  #isWarm({ number }: FileContent): boolean {
    const place = number % lukewarmFiles
    const warm = this.#lukewarm[place] === number + 1
    this.#lukewarm[place] = number + 1
    return warm
  }
}
