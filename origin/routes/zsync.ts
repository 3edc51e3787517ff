// PATH.zsync: what the zsync client needs to update an old copy of a file. Made when it is asked for
// first, then served like any file. A real file of that name came first.

import { MirrorswarmError } from '../../core/errors.ts'
import type { RepoPath, SnapshotNumber } from '../../core/ids.ts'
import { baseName, pathToBytes } from '../../core/repo-path.ts'
import { respond } from '../../delivery/logic/respond.ts'
import { requirePath } from '../access/gate.ts'
import { openBody, openObject } from '../bodies.ts'
import type { Exchange, OriginContext } from '../context.ts'
import type { FoundFile } from '../found-file.ts'
import { sendError } from '../http.ts'
import type { Outcome } from '../metrics.ts'
import { isBodiless, sendBodiless, serveBody } from '../serve-content.ts'
import type { ZsyncFile } from '../zsync-files.ts'
import { describedFile } from './file-lists.ts'

const zsyncType = 'application/x-zsync'

const makeOrFind = (context: OriginContext, described: FoundFile): Promise<ZsyncFile | null> => {
  const { content, realPath, snapshot, path } = described
  const urlName = baseName(path)
  const names = { urlName, rawName: pathToBytes(urlName as RepoPath) }
  return context.zsync.get(content, names, async () => {
    const found = await openBody(context.bodies, content, realPath, snapshot)
    return found?.body ?? null
  })
}

const send = async (
  context: OriginContext,
  exchange: Exchange,
  described: FoundFile,
): Promise<Outcome> => {
  const made = await makeOrFind(context, described)
  const body = made === null ? null : await openObject(made.file, made.sizeBytes)
  if (made === null || body === null) {
    const error = new MirrorswarmError('MS_FILE_CHANGED', 'the file is being changed')
    sendError(exchange.request, exchange.response, error)
    return 'changed'
  }
  const decision = respond(exchange.method, exchange.request.headers, {
    sha256: made.sha256,
    sizeBytes: made.sizeBytes,
    modifiedSeconds: described.content.modifiedSeconds,
    contentType: zsyncType,
  })
  // The file may be another one tomorrow.
  exchange.response.setHeader('cache-control', 'no-cache')
  if (isBodiless(decision)) {
    if ('handle' in body) await body.handle.close()
    sendBodiless(exchange, decision)
    return 'not-modified'
  }
  await serveBody(context, exchange, decision, body, 'client')
  return 'list'
}

/** Answer PATH.zsync; null for other names and for an empty file, which has no blocks. */
export const answerZsync = async (
  context: OriginContext,
  exchange: Exchange,
  path: RepoPath,
  snapshot: SnapshotNumber,
): Promise<Outcome | null> => {
  const described = describedFile(context, path, '.zsync', snapshot)
  if (described === null || described.content.sizeBytes === 0) return null
  requirePath(exchange.rights, described.path)
  const leave = context.gate.enter('essential')
  if (leave === null) {
    const error = new MirrorswarmError('MS_ORIGIN_BUSY', 'the origin serves as much as it may')
    sendError(exchange.request, exchange.response, error)
    return 'busy'
  }
  try {
    return await send(context, exchange, described)
  } finally {
    leave()
  }
}
