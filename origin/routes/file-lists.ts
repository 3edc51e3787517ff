// What the origin says about a file instead of sending it: hashes, mirror list, metalink, torrent,
// explanation. The renderers are in lists/.

import type { RepoPath, SnapshotNumber } from '../../core/ids.ts'
import { requirePath } from '../access/gate.ts'
import type { Exchange, OriginContext } from '../context.ts'
import { explainFile } from '../explain-file.ts'
import { type FoundFile, fileSourcesOf, redirectRequestOf } from '../found-file.ts'
import { type Headers, sendShort } from '../http.ts'
import { type Explanation, renderExplanation, renderExplanationJson } from '../lists/explanation.ts'
import { fileHash, parseHashKind } from '../lists/hash-list.ts'
import { pageHeaders } from '../lists/markup.ts'
import { metalinkType, renderMetalink } from '../lists/metalink.ts'
import { prefersJson, renderMirrorListJson, renderMirrorListPage } from '../lists/mirror-list.ts'
import { fileMagnet, fileTorrent, piecesOf, torrentType } from '../lists/torrent.ts'
import type { Outcome } from '../metrics.ts'

const plainText = 'text/plain; charset=utf-8'

const sendList = (
  exchange: Exchange,
  contentType: string,
  body: string | Uint8Array,
  headers: Headers = {},
): Outcome => {
  // Who has a file changes by the minute.
  const common = { 'content-type': contentType, 'cache-control': 'no-store' }
  sendShort(exchange.request, exchange.response, 200, { ...common, ...headers }, body)
  return 'list'
}

/** How this request would be answered now, and why; `from`: as if that address asked. */
export const explain = (
  context: OriginContext,
  exchange: Exchange,
  file: FoundFile,
  from: string | null,
): Explanation => {
  const { range } = redirectRequestOf(exchange, file)
  const client = from === null ? exchange.client : simulatedClient(exchange, from)
  const address = from ?? exchange.address
  const direct = exchange.query.has('direct')
  return explainFile(context, file, { client, address, https: exchange.https, range, direct }, from)
}

/** Send an explanation as text, or as JSON to those who prefer that. */
export const sendExplanation = (exchange: Exchange, explanation: Explanation): Outcome =>
  prefersJson(exchange.request.headers.accept)
    ? sendList(exchange, 'application/json', renderExplanationJson(explanation))
    : sendList(exchange, plainText, renderExplanation(explanation))

const sendMirrorList = (context: OriginContext, exchange: Exchange, file: FoundFile): Outcome => {
  const sources = fileSourcesOf(context, exchange, file)
  const isOperator = context.authority.isOperator(exchange.request)
  const why = isOperator ? explain(context, exchange, file, null) : null
  const vary = { vary: 'accept, authorization' }
  return prefersJson(exchange.request.headers.accept)
    ? sendList(exchange, 'application/json', renderMirrorListJson(sources, why), vary)
    : sendList(exchange, plainText, renderMirrorListPage(sources), {
        ...pageHeaders,
        ...vary,
      })
}

const sendMagnet = (
  context: OriginContext,
  exchange: Exchange,
  file: FoundFile,
): Outcome | null => {
  const pieces = context.resolver.reader.pieceHashes(file.content.number)
  if (pieces === null) return null
  const sources = fileSourcesOf(context, exchange, file)
  const torrent = fileTorrent(sources, pieces)
  const magnet = fileMagnet(sources, pieces)
  if (torrent === null || magnet === null) return null
  context.torrents.remember(torrent.infoHash, file.content.number)
  return sendList(exchange, plainText, magnet)
}

/** Answer "?sha256", "?mirrorlist", "?magnet", "?explain"; null when none of these is asked for. */
export const answerFileList = (
  context: OriginContext,
  exchange: Exchange,
  file: FoundFile,
): Outcome | null => {
  const { query } = exchange
  if (query.size === 0) return null
  const kind = parseHashKind(query.keys())
  if (kind !== null) return sendList(exchange, plainText, fileHash(kind, file.path, file.content))
  if (query.has('mirrorlist')) return sendMirrorList(context, exchange, file)
  if (query.has('magnet')) return sendMagnet(context, exchange, file)
  if (!query.has('explain')) return null
  const from = query.get('from')
  if (from !== null) context.authority.requireOperator(exchange.request)
  return sendExplanation(exchange, explain(context, exchange, file, from))
}

/** As the access makes it, for another address. */
const simulatedClient = (exchange: Exchange, from: string): string =>
  `${from}${exchange.client.slice(exchange.client.indexOf(' '))}`

/** The file behind PATH.meta4, PATH.torrent or PATH.zsync. */
export const describedFile = (
  context: OriginContext,
  path: RepoPath,
  suffix: string,
  snapshot: SnapshotNumber,
): FoundFile | null => {
  if (!path.endsWith(suffix)) return null
  const described = path.slice(0, -suffix.length) as RepoPath
  const found = context.resolver.resolve(described, snapshot)
  if (found.kind !== 'file') return null
  return { path: described, realPath: found.path, content: found.content, snapshot }
}

/** Answer PATH.meta4 and PATH.torrent; null for other names. A real file of that name came first. */
export const answerDerived = (
  context: OriginContext,
  exchange: Exchange,
  path: RepoPath,
  snapshot: SnapshotNumber,
): Outcome | null => {
  const { reader } = context.resolver
  const linked = describedFile(context, path, '.meta4', snapshot)
  if (linked !== null) {
    requirePath(exchange.rights, linked.path)
    const pieces = reader.pieceHashes(linked.content.number)
    const list = pieces === null ? null : piecesOf(linked.content.sizeBytes, pieces)
    const sources = fileSourcesOf(context, exchange, linked)
    return sendList(exchange, metalinkType, renderMetalink(sources, list))
  }
  const shared = describedFile(context, path, '.torrent', snapshot)
  const pieces = shared === null ? null : reader.pieceHashes(shared.content.number)
  if (shared === null || pieces === null) return null
  requirePath(exchange.rights, shared.path)
  const torrent = fileTorrent(fileSourcesOf(context, exchange, shared), pieces)
  if (torrent === null) return null
  context.torrents.remember(torrent.infoHash, shared.content.number)
  return sendList(exchange, torrentType, torrent.metainfo)
}
