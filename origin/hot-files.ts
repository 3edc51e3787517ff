// The file that the very text of a request names, at the cost of one look into memory: path, content
// and the headers that every answer has. From the index of paths where there is one, else remembered
// since it was asked for last. Only files that may be redirected are here; whatever else a target
// leads to is answered by the routes.

import { LRUCache } from 'lru-cache'
import { hotFiles, lukewarmFiles } from '../core/front-limits.ts'
import type { RepoPath, SnapshotNumber } from '../core/ids.ts'
import { lookupKeyCharacters } from '../core/limits.ts'
import { ownText } from '../core/own-text.ts'
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
  readonly index?: Pick<PathIndex, 'find' | 'has'>
  readonly keepAtOrigin: KeepAtOrigin
  readonly isIndex: (path: RepoPath) => boolean
  /** Path prefix of the public URL. */
  readonly prefix: string
}

/** A target that is the path of a file as it is, but for the slash in front. */
const plainTarget = /^(?:\/(?:[A-Za-z0-9_~-]|\.(?!\.?(?:\/|$)))[A-Za-z0-9._~-]*)+$/

/** Nothing of it outlives a call. */
const hashBytes = Buffer.alloc(32)

/** What is the same in each redirect to a content: see validatorHeaders. Nothing in it needs a check. */
export const textsOf = ({ sha256, modifiedSeconds }: FileContent): HotTexts => {
  hashBytes.write(sha256, 'hex')
  const digest = hashBytes.toString('base64')
  const head =
    `cache-control: no-store\r\netag: ${entityTagOf(sha256)}\r\n` +
    `last-modified: ${formatHttpDate(modifiedSeconds)}\r\n` +
    `repr-digest: sha-256=:${digest}:\r\ndigest: SHA-256=${digest}\r\n`
  return { linked: hashBytes.toString('base64url'), head }
}

const hotFile = (path: RepoPath, content: FileContent, snapshot: SnapshotNumber): HotFile => {
  const { linked, head } = textsOf(content)
  return { path, content, snapshot, linked, head }
}

export class HotFiles {
  readonly #parts: HotFilesParts
  readonly #known: LRUCache<string, HotFile>
  /** Numbers of contents that were asked for lately, one more than each, by their last bits. */
  readonly #lukewarm = new Uint32Array(lukewarmFiles)
  #snapshot: SnapshotNumber | null = null
  #isIndexed = false

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
    const indexed = this.#parts.index?.has(latest.number) === true
    if (latest.number !== this.#snapshot || indexed !== this.#isIndexed) {
      this.#known.clear()
      this.#snapshot = latest.number
      this.#isIndexed = indexed
    }
    if (indexed) return this.#findIndexed(target, latest)
    return this.#known.get(target) ?? this.#look(target, this.#pathOf(target), latest)
  }

  /** To look into the index again costs no more than to find out what is remembered. */
  #findIndexed(target: string, latest: Snapshot): HotFile | null {
    const path = this.#pathOf(target)
    if (path === null) return null
    const content = this.#parts.index?.find(path, latest.number) ?? null
    if (content !== null) return hotFile(path, content, latest.number)
    return this.#known.get(target) ?? this.#look(target, path, latest)
  }

  #pathOf(target: string): RepoPath | null {
    const { prefix } = this.#parts
    if (target.length > lookupKeyCharacters) return null
    if (prefix === '' && plainTarget.test(target) && !isOwnTarget(target)) {
      return target.slice(1) as RepoPath
    }
    if (target.includes('?')) return null
    const { raw } = splitTarget(target, prefix)
    if (isOwnTarget(raw)) return null
    const parsed = parseRequestPath(raw)
    return parsed.ok && !parsed.directory ? parsed.path : null
  }

  #look(target: string, path: RepoPath | null, latest: Snapshot): HotFile | null {
    if (path === null) return null
    const content = this.#lookUp(path, latest.number)
    if (content === null) return null
    const hot = hotFile(ownText(path) as RepoPath, content, latest.number)
    // One or two spellings of each file: made-up ones cannot fill the memory.
    const isShort = target.length <= this.#parts.prefix.length + 1 + path.length
    const hasRoom = latest.files <= this.#known.max
    if (isShort && (hasRoom || this.#isWarm(content))) this.#known.set(ownText(target), hot)
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
