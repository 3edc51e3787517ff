// A file that a request leads to, and what decides where its bytes come from.

import type { RepoPath, SnapshotNumber } from '../core/ids.ts'
import { rememberedHeaderCharacters } from '../core/limits.ts'
import { headerOf } from '../delivery/logic/conditional.ts'
import type { Content, FileContent } from '../manifest/model.ts'
import { type Exchange, headerStart, type OriginContext } from './context.ts'
import type { FileSources } from './lists/file-sources.ts'
import { mirrorsOf } from './lists/file-sources.ts'
import { type Redirectable, redirectable } from './logic/redirectable.ts'
import type { RedirectRequest } from './redirector.ts'

export interface FoundFile {
  /** As asked for; symlinks may lead elsewhere. */
  readonly path: RepoPath
  /** Where the manifest has it. */
  readonly realPath: RepoPath
  readonly content: Content
  readonly snapshot: SnapshotNumber
  /** The newest snapshot has it no more: `snapshot` was the last, unless the bytes are elsewhere. */
  readonly retired?: boolean
}

/** Whether this file may be redirected at all: by the name asked for and by the file's own. */
export const mayRedirect = (
  context: Pick<OriginContext, 'keepAtOrigin'>,
  file: Pick<FoundFile, 'path' | 'realPath'> & { readonly content: FileContent },
  direct: boolean,
): Redirectable => {
  const { sizeBytes } = file.content
  return redirectable({
    path: file.path,
    sizeBytes,
    direct,
    keepAtOrigin:
      context.keepAtOrigin(file.path, sizeBytes) ||
      (file.realPath !== file.path && context.keepAtOrigin(file.realPath, sizeBytes)),
  })
}

/** Enough of it to recognise a repeat. */
const rangeOf = (exchange: Exchange): string | undefined => {
  const range = headerOf(exchange.request.headers, 'range')
  return range === undefined ? undefined : headerStart(range, rememberedHeaderCharacters)
}

/** What the choice of a volunteer for this exchange depends on. */
export const redirectRequestOf = (exchange: Exchange, file: FoundFile): RedirectRequest => ({
  client: exchange.client,
  address: exchange.address,
  https: exchange.https,
  path: file.path,
  content: file.content,
  range: rangeOf(exchange),
  method: exchange.method,
})

/** Where the file can be had; nobody but the origin when it is never redirected. */
export const fileSourcesOf = (
  context: OriginContext,
  exchange: Exchange,
  file: FoundFile,
): FileSources => {
  const may = mayRedirect(context, file, false)
  const request = redirectRequestOf(exchange, file)
  return {
    path: file.path,
    content: file.content,
    snapshot: file.snapshot,
    baseUrl: exchange.base,
    mirrors: may.redirect ? mirrorsOf(context.redirector.explain(request).selection) : [],
  }
}
