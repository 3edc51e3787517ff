// Whether a request for a file may be answered by a redirect at all, before any volunteer is looked
// at. What must come from the origin itself was copied into the data folder by publish.

import type { RepoPath } from '../../core/ids.ts'
import { redirectFloorBytes } from '../../core/limits.ts'

export interface FileRequest {
  readonly path: RepoPath
  readonly sizeBytes: number
  /** The client asks with "?direct": a volunteer could not serve it, or it follows no redirect. */
  readonly direct: boolean
  /** The operator's and the built-in list of names that are never redirected. */
  readonly keepAtOrigin: boolean
}

export type Redirectable =
  | { readonly redirect: true }
  | { readonly redirect: false; readonly reason: 'direct' | 'kept' | 'small' }

export const redirectable = (request: FileRequest): Redirectable => {
  if (request.direct) return { redirect: false, reason: 'direct' }
  if (request.sizeBytes < redirectFloorBytes) return { redirect: false, reason: 'small' }
  if (request.keepAtOrigin) return { redirect: false, reason: 'kept' }
  return { redirect: true }
}
