// Builds the search for local bytes to start from, and keeps what it remembers in step with what is
// held: told of files that are hashed, recorded and dropped.

import { join } from 'node:path'
import { basisPaths } from '../core/basis-limits.ts'
import { describeError } from '../core/errors.ts'
import type { Sha256 } from '../core/ids.ts'
import type { Logger } from '../core/log.ts'
import { placementWorkers } from '../core/volunteer-limits.ts'
import type { ManifestReader } from '../manifest/store/reader.ts'
import { AnchorIndex } from '../prsync/anchor-index.ts'
import { BasisFiller } from './basis-filler.ts'
import { HeldBasisFinder } from './basis-finder.ts'
import { BasisHeld } from './basis-held.ts'
import { BasisNames } from './basis-names.ts'
import { Hasher } from './hasher.ts'
import type { HeldStore } from './held-store.ts'
import type { MirrorFolder } from './mirror-folder.ts'
import type { WorkList } from './work-list.ts'

export interface BasisParts {
  readonly store: HeldStore
  readonly work: Pick<WorkList, 'pathsOf'>
  readonly reader: Pick<ManifestReader, 'contentByHash' | 'contentByNumber' | 'pathsOf' | 'latest'>
  readonly folder: MirrorFolder
  /** Where its files lie: names.db and anchors.db. */
  readonly dataDir: string
  readonly logger: Logger
}

export type Basis = ReturnType<typeof makeBasis>

/** Not started: `filler.start()`. The hasher is the one that everything placed goes through. */
export const makeBasis = (parts: BasisParts) => {
  const { store, work, reader, folder, dataDir, logger } = parts
  let refill = (): void => undefined
  const onFault = (error: unknown, lost: boolean): void => {
    logger.warn({ lost, reason: describeError(error) }, 'the memory of similar files is disturbed')
    if (lost) refill()
  }
  const names = new BasisNames(join(dataDir, 'names.db'), onFault)
  const index = AnchorIndex.open(join(dataDir, 'anchors.db'), { onFault })
  const hasher = new Hasher({
    threads: placementWorkers,
    onHashed: ({ sha256, sketch }) => {
      if (sketch === undefined || reader.contentByHash(sha256 as Sha256) === null) return
      index.add(sha256 as Sha256, sketch)
    },
  })
  const held = new BasisHeld({ store, folder })
  const filler = new BasisFiller({ held, names, index, hasher, logger })
  refill = () => filler.start()
  // Before the record: after a crash they know too much rather than too little.
  store.onRecord(files => {
    names.add(files)
    index.save()
  })
  store.onHolding((number, isHeld) => {
    const content = isHeld ? null : reader.contentByNumber(number)
    if (content !== null) index.drop(content.sha256)
  })
  const finder = new HeldBasisFinder({
    ...{ held, names, index },
    pathsOf: number => {
      const waiting = [...work.pathsOf(number, false), ...work.pathsOf(number, true)]
      if (waiting.length > 0) return waiting
      return reader.pathsOf(number, reader.latest()?.number ?? 0, basisPaths)
    },
  })
  /** Cuts short what is being read; to be called before the stores are closed. */
  const stop = async (): Promise<void> => {
    const filled = filler.stop()
    await hasher.stop()
    await filled
    await index.close()
    names.close()
  }
  return { finder, index, names, filler, hasher, stop }
}
