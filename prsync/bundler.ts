// Makes bundles at publish: decides what travels together and writes the metainfo.

import { baseName } from '../core/repo-path.ts'
import { pieceLengthFor } from '../manifest/logic/piece-length.ts'
import type { BundleCandidate, Bundler, PlannedBundle } from '../manifest/publish.ts'
import { planBundles } from './logic/bundle-plan.ts'
import { bundleMetainfo, singleFileMetainfo } from './metainfo.ts'

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

export const bundler: Bundler = { plan }
