// Folders of the repository: their pages, and the signed lists of hashes of all that is below.

import { once } from 'node:events'
import { LRUCache } from 'lru-cache'
import { MirrorswarmError } from '../../core/errors.ts'
import type { ContentNumber, RepoPath, SnapshotNumber } from '../../core/ids.ts'
import { sha256Hex, signText } from '../../core/keys.ts'
import { directoryPageEntries, listSliceEntries, rememberedPagesBytes } from '../../core/limits.ts'
import { joinPath } from '../../core/repo-path.ts'
import type { Content } from '../../manifest/model.ts'
import type { DirectoryChild, ManifestReader } from '../../manifest/store/reader.ts'
import { requirePath } from '../access/gate.ts'
import type { Exchange, OriginContext } from '../context.ts'
import { cutWhenStalled, sendError, sendShort } from '../http.ts'
import { parseOrder, renderDirectoryJson, renderDirectoryPage } from '../lists/directory-page.ts'
import { type HashedPath, type HashKind, hashList, parseHashKind } from '../lists/hash-list.ts'
import { pageHeaders } from '../lists/markup.ts'
import { prefersJson } from '../lists/mirror-list.ts'
import { mayEnter, mayRead, type Rights, rightsKey } from '../logic/rights.ts'
import type { Outcome } from '../metrics.ts'

export interface FoundFolder {
  /** As asked for. */
  readonly path: RepoPath
  /** Where the manifest has it. */
  readonly realPath: RepoPath
  readonly snapshot: SnapshotNumber
}

/** What "after=" names: the last child of the page before, percent-encoded as in the page's link. */
const afterOf = (query: string): string | undefined => /(?:^|[;&])after=([^;&]+)/.exec(query)?.[1]

/** At most `limit` children of a folder that these rights let one see, in the order of names. */
const visibleChildren = (
  reader: ManifestReader,
  folder: FoundFolder,
  rights: Rights,
  options: { readonly limit: number; readonly after?: string },
): DirectoryChild[] => {
  const { realPath, path, snapshot } = folder
  if (mayRead(rights, path)) return reader.list(realPath, snapshot, options)
  const isVisible = ({ name, kind }: DirectoryChild): boolean => {
    const child = joinPath(path, name as RepoPath)
    return kind === 'directory' ? mayEnter(rights, child) : mayRead(rights, child)
  }
  const visible: DirectoryChild[] = []
  let { after } = options
  for (;;) {
    const slice = reader.list(realPath, snapshot, {
      limit: options.limit,
      ...(after === undefined ? {} : { after }),
    })
    visible.push(...slice.filter(isVisible))
    after = slice.at(-1)?.name
    if (slice.length < options.limit || visible.length >= options.limit) break
  }
  return visible.slice(0, options.limit)
}

export class DirectoryPages {
  readonly #pages = new LRUCache<string, Buffer>({
    maxSize: rememberedPagesBytes,
    sizeCalculation: page => page.length + 1,
  })

  /** The page of a folder as HTML or JSON; `query` holds its order and where it begins. */
  render(
    reader: ManifestReader,
    folder: FoundFolder,
    query: string,
    rights: Rights,
    json = false,
  ): Buffer {
    const order = parseOrder(query)
    const after = afterOf(query)
    // A hash: the name may be as long as a request, and need not be one of the folder's.
    const start = after === undefined ? '' : sha256Hex(after)
    const whose = mayRead(rights, folder.path) ? '' : sha256Hex(rightsKey(rights))
    const key = `${json ? 'json ' : ''}${folder.snapshot} ${order.column}${order.descending} ${start} ${whose} ${folder.path}`
    const known = this.#pages.get(key)
    if (known !== undefined) return known
    const children = visibleChildren(reader, folder, rights, {
      limit: directoryPageEntries + 1,
      ...(after === undefined ? {} : { after }),
    })
    const page = (json ? renderDirectoryJson : renderDirectoryPage)({
      path: folder.path,
      children: children.slice(0, directoryPageEntries),
      order,
      more: children.length > directoryPageEntries,
      snapshot: folder.snapshot,
    })
    const bytes = Buffer.from(page)
    this.#pages.set(key, bytes)
    return bytes
  }
}

/** Files below a folder with their contents; symlinks are left out, since their targets are listed. */
function* filesBelow(reader: ManifestReader, folder: FoundFolder): Generator<HashedPath> {
  const { realPath, snapshot } = folder
  const skip = realPath === '' ? 0 : realPath.length + 1
  const contents = new LRUCache<ContentNumber, Content>({ max: listSliceEntries })
  let after: RepoPath | undefined
  for (;;) {
    const entries = reader.entries(snapshot, {
      prefix: realPath,
      limit: listSliceEntries,
      ...(after === undefined ? {} : { after }),
    })
    for (const entry of entries) {
      after = entry.path
      if (entry.kind !== 'file') continue
      const content = contents.get(entry.content) ?? reader.contentByNumber(entry.content)
      if (content === null) continue
      contents.set(entry.content, content)
      yield { path: entry.path.slice(skip) as RepoPath, content }
    }
    if (entries.length < listSliceEntries) return
  }
}

const sendHashList = async (
  context: OriginContext,
  exchange: Exchange,
  folder: FoundFolder,
  kind: HashKind,
): Promise<Outcome> => {
  const { response } = exchange
  const { reader } = context.resolver
  const identity = reader.identity()
  if (identity === null) throw new MirrorswarmError('MS_INTERNAL', 'a manifest without identity')
  const leave = context.gate.enter('ordinary')
  if (leave === null) {
    const error = new MirrorswarmError('MS_ORIGIN_BUSY', 'the origin serves as much as it may')
    sendError(exchange.request, response, error)
    return 'busy'
  }
  try {
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
    if (exchange.method === 'HEAD') return endList(exchange)
    const header = { kind, ...identity, snapshot: folder.snapshot, folder: folder.realPath }
    const signer = {
      publicKey: context.listKeys.publicKey,
      sign: (text: string) => signText(text, context.listKeys.privateKey),
    }
    cutWhenStalled(response)
    for (const piece of hashList(header, filesBelow(reader, folder), signer)) {
      const signal = context.stopping
      if (response.destroyed || signal.aborted) {
        // An end would make half a list look whole.
        response.destroy()
        return 'list'
      }
      if (!response.write(piece)) await drained(response, signal)
    }
    return endList(exchange)
  } finally {
    leave()
  }
}

const endList = (exchange: Exchange): Outcome => {
  exchange.response.end()
  return 'list'
}

/** Until the client took what was written, or is gone. */
const drained = async (response: Exchange['response'], signal: AbortSignal): Promise<void> => {
  const done = new AbortController()
  const stop = AbortSignal.any([signal, done.signal])
  try {
    await Promise.race([
      once(response, 'drain', { signal: stop }),
      once(response, 'close', { signal: stop }),
    ])
  } catch (error) {
    if (!signal.aborted) throw error
    response.destroy()
  } finally {
    done.abort()
  }
}

/** Answer for a folder whose URL ends in a slash. */
export const answerDirectory = async (
  context: OriginContext,
  exchange: Exchange,
  folder: FoundFolder,
): Promise<Outcome> => {
  const kind = parseHashKind(exchange.query.keys())
  if (kind !== null) {
    requirePath(exchange.rights, folder.path)
    return sendHashList(context, exchange, folder, kind)
  }
  const { reader } = context.resolver
  const { queryText, rights, request } = exchange
  const json = prefersJson(request.headers.accept)
  const page = context.pages.render(reader, folder, queryText, rights, json)
  const headers = {
    ...(json ? { 'content-type': 'application/json' } : pageHeaders),
    'cache-control': 'no-cache',
    vary: 'accept',
  }
  sendShort(exchange.request, exchange.response, 200, headers, page)
  return 'page'
}
