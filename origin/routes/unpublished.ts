// What the origin serves before its first snapshot exists: the tree as it stands, without hashes,
// since nothing vouches for it yet, and without redirects. Never outside the tree.

import type { BigIntStats } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { MirrorswarmError, systemCode } from '../../core/errors.ts'
import type { RepoPath } from '../../core/ids.ts'
import { displayPath, pathInFolder } from '../../core/repo-path.ts'
import { contentTypeOf } from '../../delivery/content-type.ts'
import { guardOf, openGuarded } from '../../delivery/guarded-file.ts'
import { headerOf } from '../../delivery/logic/conditional.ts'
import { formatHttpDate } from '../../delivery/logic/http-date.ts'
import { type ByteRange, parseRange } from '../../delivery/logic/ranges.ts'
import type { Decision } from '../../delivery/logic/respond.ts'
import type { Exchange, OriginContext } from '../context.ts'
import { sendError } from '../http.ts'
import type { Outcome } from '../metrics.ts'
import { sandboxHeaders } from '../sandbox.ts'
import { serveBody } from '../serve-content.ts'

const gone = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'ENAMETOOLONG'])

interface TreeFile {
  /** The real place, all symlinks resolved. */
  readonly file: Buffer
  readonly stats: BigIntStats
}

/** The file or folder that a path leads to, if that is inside the tree. */
const findInside = async (root: string, path: RepoPath): Promise<TreeFile | null> => {
  try {
    const file = await realpath(pathInFolder(root, path), { encoding: 'buffer' })
    const inside = Buffer.from(root === '/' ? '/' : `${root}/`)
    const isInside =
      file.subarray(0, inside.length).equals(inside) || file.equals(Buffer.from(root))
    return isInside ? { file, stats: await stat(file, { bigint: true }) } : null
  } catch (error) {
    if (gone.has(systemCode(error) ?? '')) return null
    throw error
  }
}

/** One range or the whole: without an ETag, several parts could be of different versions. */
const decide = (exchange: Exchange, stats: BigIntStats, path: RepoPath): Decision => {
  const sizeBytes = Number(stats.size)
  const headers = {
    'content-type': contentTypeOf(path),
    ...sandboxHeaders(contentTypeOf(path)),
    'last-modified': formatHttpDate(Math.floor(Number(stats.mtimeMs) / 1000)),
    'accept-ranges': 'bytes',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  }
  const asked = exchange.request.headers
  const range =
    exchange.method === 'GET' && asked['if-range'] === undefined && headerOf(asked, 'range')
  const wanted =
    typeof range === 'string' ? parseRange(range, sizeBytes) : { kind: 'whole' as const }
  const answer = (status: 200 | 206 | 416, part: ByteRange | null, more: object): Decision => ({
    status,
    headers: { ...headers, 'content-length': String(part?.length ?? 0), ...more },
    parts: part === null || exchange.method === 'HEAD' ? [] : [{ ...part, preamble: '' }],
    epilogue: '',
    bodyBytes: exchange.method === 'HEAD' ? 0 : (part?.length ?? 0),
  })
  if (wanted.kind === 'unsatisfiable') {
    return answer(416, null, { 'content-range': `bytes */${sizeBytes}` })
  }
  const [first, second] = wanted.kind === 'parts' ? wanted.ranges : []
  if (first === undefined || second !== undefined) {
    return answer(200, sizeBytes === 0 ? null : { offset: 0, length: sizeBytes }, {})
  }
  const last = first.offset + first.length - 1
  return answer(206, first, { 'content-range': `bytes ${first.offset}-${last}/${sizeBytes}` })
}

const refuse = (exchange: Exchange, error: MirrorswarmError, outcome: Outcome): Outcome => {
  sendError(exchange.request, exchange.response, error)
  return outcome
}

/** Answer from the tree while the first snapshot is being made. */
export const answerUnpublished = async (
  context: OriginContext,
  exchange: Exchange,
  parsed: { readonly path: RepoPath; readonly directory: boolean },
): Promise<Outcome> => {
  const { path, directory } = parsed
  const found = await findInside(context.bodies.root, path)
  if (found?.stats.isDirectory() === true) {
    const reason = 'directory pages appear with the first snapshot, which is being made'
    return refuse(exchange, new MirrorswarmError('MS_NOT_READY', reason), 'unpublished')
  }
  const handle =
    found === null || directory || !found.stats.isFile()
      ? null
      : await openGuarded(found.file, guardOf(found.stats))
  if (found === null || handle === null) {
    const error = new MirrorswarmError('MS_PATH_NOT_FOUND', `there is no ${displayPath(path)}`)
    return refuse(exchange, error, 'not-found')
  }
  const leave = context.gate.enter('ordinary')
  if (leave === null) {
    await handle.close()
    const error = new MirrorswarmError('MS_ORIGIN_BUSY', 'the origin serves as much as it may')
    return refuse(exchange, error, 'busy')
  }
  try {
    const decision = decide(exchange, found.stats, path)
    await serveBody(context, exchange, decision, { handle, guard: guardOf(found.stats) }, 'client')
    return 'unpublished'
  } finally {
    leave()
  }
}
