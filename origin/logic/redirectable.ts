// Whether a request for a file may be answered by a redirect at all, before any volunteer is looked
// at. What must come from the origin itself was copied into the data folder by publish.

import type { RepoPath } from '../../core/ids.ts'
import { redirectFloorBytes } from '../../core/limits.ts'
import { baseName } from '../../core/repo-path.ts'

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

const packageName = /\.(?:deb|udeb|ddeb|rpm|drpm)$/
const byHash = /(?:^|\/)by-hash\/[A-Za-z0-9]+\/[0-9a-f]{32,128}$/

/**
 * True for what package managers check by themselves against signed indexes or signatures: packages
 * and apt's by-hash indexes. The rule goes by the name alone, which is the honest simplest form: a
 * person who fetches a package with wget and does not verify it is not protected by it.
 */
export const verifiedByClients = (path: RepoPath): boolean =>
  packageName.test(baseName(path)) || byHash.test(path)
