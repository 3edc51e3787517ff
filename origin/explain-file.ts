// How a request for a file would be answered now, and why: from the very values that the answer is
// made from, without remembering anything.

import type { KeepAtOrigin } from '../manifest/logic/keep-at-origin.ts'
import { type FoundFile, mayRedirect } from './found-file.ts'
import type { Explanation } from './lists/explanation.ts'
import type { Redirector } from './redirector.ts'

export interface Asker {
  /** See clientOf. */
  readonly client: string
  /** Its IP address; null: not known. */
  readonly address: string | null
  readonly https: boolean
  readonly range: string | undefined
  readonly direct: boolean
}

/** `from`: whom the explanation is about if not the asker; only repeated. */
export const explainFile = (
  parts: { readonly redirector: Redirector; readonly keepAtOrigin: KeepAtOrigin },
  file: FoundFile,
  asker: Asker,
  from: string | null,
): Explanation => {
  const { path, content, snapshot } = file
  const about = { path, content, snapshot, from, retired: file.retired === true }
  const may = mayRedirect(parts, file, asker.direct)
  if (!may.redirect) return { ...about, serve: may.reason, selection: null }
  const { client, address, https, range } = asker
  const decision = parts.redirector.explain({ client, address, https, range, path, content })
  if (!decision.serveHere) return { ...about, serve: null, selection: decision.selection }
  const serve = decision.tried.length > 0 ? 'repeated' : 'none'
  return { ...about, serve, selection: decision.selection }
}
