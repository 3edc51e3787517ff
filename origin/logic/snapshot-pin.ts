// Keeps one client's update on one snapshot: who was given the Release of snapshot N gets N's
// indexes of plain name for a while, so that an update never mixes two snapshots. It knows neither
// clients nor connections, only what was given and when.

import type { RepoPath, SnapshotNumber } from '../../core/ids.ts'
import { baseName, parentPath } from '../../core/repo-path.ts'
import { connectionPinMs, snapshotPinMs } from '../../core/update-limits.ts'

export interface SnapshotPin {
  readonly snapshot: SnapshotNumber
  readonly sinceMs: number
}

/** The files that speak for all below their folder. */
const folderEntries = new Set(['InRelease', 'Release', 'repomd.xml'])

/**
 * Files that only their own signature goes with: pacman's databases, lists of hashes. APKINDEX.tar.gz
 * has its signature inside.
 */
const signedAlone =
  /(?:\.(?:db|files)(?:\.tar(?:\.[a-z0-9]+)?)?|SUMS|CHECKSUMS?|^sha256sum[^/]*\.txt)$/

/** Its Release is that of one architecture, which the Release above names like any index. */
const partOfSuite = /(?:^|\/)dists\/(?:.+\/)?(?:binary-[^/]+|source)$/

const signatures = ['.sig', '.asc', '.gpg', '.sign']

const folderKey = (folder: RepoPath): string => `${folder}/`

/** Who reads a list of where a file is, with its hash, is to get that very file. */
export const promiseKey = (path: RepoPath): string => `=${path}`

/** What is remembered when a client is given this file; null for most. */
export const pinKeyOf = (path: RepoPath): string | null => {
  const name = baseName(path)
  const folder = parentPath(path)
  if (folderEntries.has(name)) return partOfSuite.test(folder) ? null : folderKey(folder)
  return signedAlone.test(name) ? path : null
}

/** True for the files that begin an update: they are always the latest. */
export const isEntryPoint = (path: RepoPath): boolean => pinKeyOf(path) !== null

export type PinOf = (key: string) => SnapshotPin | undefined

const signedFile = (path: RepoPath): RepoPath | null => {
  const suffix = signatures.find(each => path.endsWith(each))
  return suffix === undefined ? null : (path.slice(0, -suffix.length) as RepoPath)
}

/** A pin that counts, of this folder or of the nearest above it. */
const folderPin = (folder: RepoPath, live: PinOf): SnapshotPin | undefined => {
  for (let above = folder; ; above = parentPath(above)) {
    const pin = live(folderKey(above))
    if (pin !== undefined || above === '') return pin
  }
}

/**
 * The snapshot in which to look up `path`: that of the pin that speaks for it, else the latest.
 * Entry points are always the latest, but for what was promised.
 */
export const snapshotFor = (
  path: RepoPath,
  latest: SnapshotNumber,
  nowMs: number,
  pinOf: PinOf,
): SnapshotNumber => {
  const live: PinOf = key => {
    const pin = pinOf(key)
    return pin !== undefined && nowMs - pin.sinceMs < snapshotPinMs ? pin : undefined
  }
  const promised = live(promiseKey(path))
  if (promised !== undefined) return promised.snapshot
  if (isEntryPoint(path)) return latest
  const signed = signedFile(path)
  const own = signed === null ? undefined : live(signed)
  return (own ?? folderPin(parentPath(path), live))?.snapshot ?? latest
}

/**
 * Which of two memories counts: what was sent on this connection lately, else what the client was
 * given last on whichever connection.
 */
export const preferredPin = (
  ofConnection: SnapshotPin | undefined,
  ofClient: SnapshotPin | undefined,
  nowMs: number,
): SnapshotPin | undefined =>
  ofConnection !== undefined && nowMs - ofConnection.sinceMs < connectionPinMs
    ? ofConnection
    : ofClient
