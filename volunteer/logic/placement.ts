// Decisions about putting contents in place: in which order, which of them fit the quota, and what
// may be done with whatever already stands at a path. Pure; the mirror's owner comes first.

import type { ContentNumber, RepoPath, SnapshotNumber } from '../../core/ids.ts'

/**
 * Order in which a snapshot appears in the mirror: pool files, then what names them (indexes), then
 * what names the indexes, so that a web server on the folder never shows a name without its file.
 */
export type PlacementRank = 0 | 1 | 2

const markerName =
  /(?:^|\/)(?:InRelease|Release|Release\.gpg|repomd\.xml(?:\.asc|\.key)?|[^/]+\.db(?:\.tar\.\w+)?(?:\.sig)?|APKINDEX\.tar\.gz)$/

export const placementRank = (path: RepoPath, isMetadata: boolean): PlacementRank =>
  !isMetadata ? 0 : markerName.test(path) ? 2 : 1

export interface QuotaCandidate {
  readonly number: ContentNumber
  readonly sizeBytes: number
  readonly metadata: boolean
  readonly firstSnapshot: SnapshotNumber
  readonly modifiedSeconds: number
}

/** Metadata before everything (a mirror without it is useless), then the newest first. */
export const compareForQuota = (left: QuotaCandidate, right: QuotaCandidate): number =>
  Number(right.metadata) - Number(left.metadata) ||
  right.firstSnapshot - left.firstSnapshot ||
  right.modifiedSeconds - left.modifiedSeconds ||
  left.number - right.number

/** What clients ask for most has this part of the space that metadata leaves; the newest the rest. */
const popularPart = 0.5

/**
 * Walk candidates in the order of compareForQuota and yield those that are left out, so that the sum
 * of the others stays within `quotaBytes`. One that does not fit is passed over for smaller ones.
 * `popular`: candidates that clients ask for most, most first; `metadataBytes`: of all candidates.
 */
export function* leftOutByQuota(
  candidates: Iterable<QuotaCandidate>,
  quotaBytes: number,
  popular: readonly QuotaCandidate[] = [],
  metadataBytes = 0,
): Generator<ContentNumber> {
  const popularBytes = Math.max(0, quotaBytes - metadataBytes) * popularPart
  const kept = new Set<ContentNumber>()
  let usedBytes = 0
  for (const { number, sizeBytes, metadata } of popular) {
    if (metadata || kept.has(number) || usedBytes + sizeBytes > popularBytes) continue
    kept.add(number)
    usedBytes += sizeBytes
  }
  for (const { number, sizeBytes } of candidates) {
    if (kept.has(number)) continue
    if (usedBytes + sizeBytes > quotaBytes) yield number
    else usedBytes += sizeBytes
  }
}

/** What stands at a path when something is to be put there. */
export interface Standing {
  readonly kind: 'absent' | 'file' | 'link' | 'folder' | 'other'
  /** It is exactly what the record says was put or adopted there. */
  readonly asRecorded: boolean
  readonly recorded: boolean
  /** For a file: its bytes are a content of this repository (whichever); null if not yet known. */
  readonly knownContent: boolean | null
}

export type Verdict =
  | { readonly kind: 'free' }
  /** May be replaced in one step by rename. */
  | { readonly kind: 'replace' }
  /** A folder that may go once everything below it that is ours is gone. */
  | { readonly kind: 'clear' }
  /** Hash the file, then judge again. */
  | { readonly kind: 'examine' }
  | { readonly kind: 'blocked'; readonly reason: string }

/**
 * Paths in scope belong to the mirror, but nothing of the owner's is ever lost: a file that is not
 * as recorded may only be replaced if its bytes are public content of the repository, or if it is an
 * old copy of this very path in a folder that is being adopted.
 */
export const judgeStanding = (standing: Standing, adopting: boolean): Verdict => {
  switch (standing.kind) {
    case 'absent':
      return { kind: 'free' }
    case 'folder':
      return { kind: 'clear' }
    case 'other':
      return { kind: 'blocked', reason: 'something that is neither file nor folder stands there' }
    case 'link':
      return standing.asRecorded
        ? { kind: 'replace' }
        : { kind: 'blocked', reason: 'an unknown symlink stands there' }
    case 'file': {
      if (standing.asRecorded) return { kind: 'replace' }
      if (adopting && !standing.recorded) return { kind: 'replace' }
      if (standing.knownContent === null) return { kind: 'examine' }
      if (standing.knownContent) return { kind: 'replace' }
      return standing.recorded
        ? { kind: 'blocked', reason: 'the file was changed here; remove it to have it mirrored' }
        : { kind: 'blocked', reason: 'an unknown file stands there' }
    }
  }
}

/**
 * True when a symlink at `path` cannot lead out of the tree however other links in it are set: ".."
 * only at the beginning (the link's own folders are real folders), and not more than it is deep.
 */
export const linkStaysInside = (path: RepoPath, target: string): boolean => {
  if (target === '' || target.startsWith('/') || /%00|%2F/i.test(target)) return false
  const depth = path.split('/').length - 1
  const segments = target.split('/').filter(segment => segment !== '' && segment !== '.')
  const ups = segments.findIndex(segment => segment !== '..')
  const leading = ups < 0 ? segments.length : ups
  return leading <= depth && !segments.slice(leading).includes('..')
}
