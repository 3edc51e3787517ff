// Makes bundles at publish: decides what travels together and writes the metainfo.

import type { ContentNumber, InfoHash, RepoPath, Sha256 } from '../core/ids.ts'
import { baseName } from '../core/repo-path.ts'
import { pieceLengthFor } from '../manifest/logic/piece-length.ts'
import { planBundles } from './logic/bundle-plan.ts'
import { bundleMetainfo, singleFileMetainfo } from './metainfo.ts'

/** A content that is in no bundle yet. */
export interface BundleCandidate {
  readonly number: ContentNumber
  readonly sha256: Sha256
  readonly sizeBytes: number
  /** One of its paths. */
  readonly path: RepoPath
  readonly pieces: Uint8Array
  readonly lastPiece: Uint8Array
}

export interface PlannedBundle {
  readonly infoHash: InfoHash
  readonly metainfo: Buffer
  readonly pieceLengthBytes: number
  readonly members: readonly ContentNumber[]
}

/** Bundles for these contents, given in path order; empty ones are skipped, for they need none. */
const plan = (candidates: readonly BundleCandidate[]): PlannedBundle[] =>
  planBundles(
    candidates.filter(candidate => candidate.sizeBytes > 0),
    pieceLengthFor,
  ).map(({ pieceLengthBytes, members }) => {
    const [first] = members
    const made =
      members.length === 1 && first !== undefined
        ? singleFileMetainfo({ ...first, name: baseName(first.path), pieceLengthBytes })
        : bundleMetainfo(members, pieceLengthBytes)
    return { ...made, pieceLengthBytes, members: members.map(member => member.number) }
  })

export const bundler = { plan }
