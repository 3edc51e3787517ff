// Which contents a snapshot's signed indexes name: what package managers verify by themselves, and
// volunteers of little trust may therefore serve. Follows Release or InRelease to Packages and Sources,
// and repomd.xml to primary.xml. That a signature is there is looked at; whose it is clients know.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { PassThrough, Readable, type Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { describeError } from '../core/errors.ts'
import type { ContentNumber, RepoPath, Sha256, SnapshotNumber } from '../core/ids.ts'
import { indexFileBytes, readBufferBytes } from '../core/limits.ts'
import { baseName, joinPath, parentPath, pathInFolder } from '../core/repo-path.ts'
import { signedIndexBytes } from '../core/selection-limits.ts'
import { ControlHashes, type HashReader, PrimaryHashes } from './formats/index-hashes.ts'
import type { NamedFile } from './formats/named-file.ts'
import { isSignedText, parseRelease } from './formats/release.ts'
import { parseRepomd } from './formats/repomd.ts'
import type { KeptStore } from './kept-store.ts'
import type { Content } from './model.ts'
import type { ManifestReader } from './store/reader.ts'

/** What an index named when it was read; valid as long as all of it was there. */
export interface IndexNames {
  get(index: Sha256): Uint32Array | undefined
  set(index: Sha256, contents: Uint32Array): void
}

export interface SignedOptions {
  readonly root: string
  readonly reader: ManifestReader
  readonly kept: KeptStore
  readonly snapshot: SnapshotNumber
  /** All Release, InRelease and repomd.xml files of the tree. */
  readonly indexes: readonly RepoPath[]
  readonly known: IndexNames
  readonly signal: AbortSignal
  /** An index that cannot be read counts as naming nothing. */
  readonly onProblem: (path: RepoPath, reason: string) => void
}

const decoders: Readonly<Record<string, (() => Transform) | null>> = {
  '': null,
  gz: () => createGunzip(),
  zst: () => createZstdDecompress(),
}

/** Packages, Sources.gz, 0a1b…-primary.xml.zst; null for what names no packages or is packed by xz. */
const listOf = (
  path: string,
): { readonly kind: 'control' | 'primary'; readonly form: string } | null => {
  const [, name = '', form = ''] = /^(.*?)(?:\.(gz|zst|xz|bz2|lzma|lz4))?$/.exec(path) ?? []
  if (!Object.hasOwn(decoders, form)) return null
  if (/(?:^|\/)(?:Packages|Sources)$/.test(name)) return { kind: 'control', form }
  return /(?:^|[/-])primary\.xml$/.test(name) ? { kind: 'primary', form } : null
}

class Collection {
  readonly #options: SignedOptions
  readonly #add: (content: ContentNumber) => void

  constructor(options: SignedOptions, add: (content: ContentNumber) => void) {
    this.#options = options
    this.#add = add
  }

  async run(): Promise<void> {
    for (const index of this.#options.indexes) {
      const named = await this.#named(index)
      for (const file of named) {
        this.#options.signal.throwIfAborted()
        if (file.sha256 !== null) await this.#follow(file, file.sha256)
      }
    }
  }

  #fileAt(path: RepoPath): Content | null {
    const { reader, snapshot } = this.#options
    const found = reader.resolve(path, snapshot)
    return found.kind === 'file' ? found.content : null
  }

  /** What a top index names; nothing if it is not signed. */
  async #named(index: RepoPath): Promise<readonly NamedFile[]> {
    const content = this.#fileAt(index)
    if (content === null || content.sizeBytes > indexFileBytes) return []
    const name = baseName(index)
    const beside = name === 'Release' ? 'Release.gpg' : 'repomd.xml.asc'
    const signature = joinPath(parentPath(index), beside as RepoPath)
    if (name !== 'InRelease' && this.#fileAt(signature) === null) return []
    const parts: string[] = []
    const complete = await this.#read(index, content, '', text => parts.push(text))
    if (!complete) return []
    const text = Buffer.from(parts.join(''), 'latin1').toString('utf8')
    if (name === 'repomd.xml') return parseRepomd(text)
    return name === 'Release' || isSignedText(text) ? parseRelease(text) : []
  }

  async #follow(file: NamedFile, sha256: Sha256): Promise<void> {
    const { reader, known, snapshot } = this.#options
    const content = reader.contentByHash(sha256)
    if (content === null) return
    this.#add(content.number)
    const list = listOf(file.path)
    const [path] = list === null ? [] : reader.pathsOf(content.number, snapshot, 1)
    if (list === null || path === undefined) return
    const before = known.get(sha256)
    if (before !== undefined) {
      for (const number of before) this.#add(number)
      return
    }
    const hashes: HashReader = list.kind === 'control' ? new ControlHashes() : new PrimaryHashes()
    const numbers: number[] = []
    let missing = 0
    const take = (found: readonly Sha256[]): void => {
      for (const hash of found) {
        const number = reader.contentByHash(hash)?.number
        if (number === undefined) missing += 1
        else numbers.push(number)
      }
    }
    const complete = await this.#read(path, content, list.form, text => take(hashes.push(text)))
    if (!complete) return
    take(hashes.end())
    for (const number of numbers) this.#add(number)
    // A package that comes later may be named already.
    if (missing === 0) known.set(sha256, Uint32Array.from(numbers))
  }

  #open(path: RepoPath, { sha256 }: Content): Readable {
    const kept = this.#options.kept.get(sha256)
    if (kept !== null && 'bytes' in kept) return Readable.from([kept.bytes])
    const file = kept === null ? pathInFolder(this.#options.root, path) : kept.file
    return createReadStream(file, { highWaterMark: readBufferBytes })
  }

  /** True if these were the bytes of the content and all of them could be read. */
  async #read(
    path: RepoPath,
    content: Content,
    form: string,
    take: (text: string) => void,
  ): Promise<boolean> {
    const { signal, onProblem } = this.#options
    const hash = createHash('sha256')
    const decoder = decoders[form]?.() ?? new PassThrough()
    let length = 0
    const hashing = async function* (parts: AsyncIterable<Buffer>) {
      for await (const part of parts) {
        hash.update(part)
        yield part
      }
    }
    const reading = async (parts: AsyncIterable<Buffer>): Promise<void> => {
      for await (const part of parts) {
        length += part.length
        if (length > signedIndexBytes) throw new RangeError('it is too large')
        take(part.toString('latin1'))
      }
    }
    try {
      await pipeline(this.#open(path, content), hashing, decoder, reading, { signal })
    } catch (error) {
      if (signal.aborted) throw error
      onProblem(path, `cannot be read as an index: ${describeError(error)}`)
      return false
    }
    if (hash.digest('hex') === content.sha256) return true
    onProblem(path, 'is not the file any more that was published')
    return false
  }
}

/** Call `add` for each content that a signed index of the snapshot names, some more than once. */
export const collectSigned = (
  options: SignedOptions,
  add: (content: ContentNumber) => void,
): Promise<void> => new Collection(options, add).run()
