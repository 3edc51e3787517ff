// Brings a volunteer's manifest to the snapshot of a verified head, in one transaction: at any
// moment, kill -9 included, its readers see the old snapshot or the new one.

import { describeError, isMirrorswarmError, MirrorswarmError } from '../core/errors.ts'
import type { SnapshotNumber } from '../core/ids.ts'
import { sha256Hex } from '../core/keys.ts'
import { recordsBetweenPauses } from '../core/limits.ts'
import { type Chain, type ChainStep, planChain } from './logic/chain.ts'
import type { PartHeader } from './logic/records.ts'
import type { Head, ManifestPart } from './model.ts'
import { checkEntries, IncomingSnapshot } from './store/incoming.ts'
import type { ManifestWriter } from './store/writer.ts'
import { decodePart } from './wire.ts'

/** Fetch a part from anyone; what it gives is checked by hash. */
export type FetchPart = (part: ManifestPart) => Promise<Uint8Array>

export interface ApplyOptions {
  readonly store: ManifestWriter
  /** Verified by `verifyHead`. */
  readonly head: Head
  readonly fetchPart: FetchPart
  readonly signal?: AbortSignal
  /** Told why the differences could not be used and everything is loaded anew. */
  readonly onStartOver?: (reason: string) => void
}

export interface ApplyResult {
  readonly from: SnapshotNumber
  readonly to: SnapshotNumber
}

const pause = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

const invalid = (what: string): never => {
  throw new MirrorswarmError('MS_MANIFEST_INVALID', what)
}

const fetchChecked = async (options: ApplyOptions, part: ManifestPart): Promise<Uint8Array> => {
  options.signal?.throwIfAborted()
  const bytes = await options.fetchPart(part)
  if (bytes.length !== part.sizeBytes || sha256Hex(bytes) !== part.sha256) {
    return invalid(`a manifest part does not have the hash ${part.sha256}`)
  }
  return bytes
}

const checkHeader = (header: PartHeader, step: ChainStep, head: Head): void => {
  if (header.repository !== head.repositoryId || header.epoch !== head.epoch) {
    invalid('a manifest part belongs to another repository or epoch')
  }
  const fits = header.type === step.kind && header.to === step.to
  if (!fits || (step.kind === 'difference' && header.from !== step.from)) {
    invalid(`a manifest part is not what leads to snapshot ${step.to}`)
  }
}

const applyStep = async (options: ApplyOptions, step: ChainStep): Promise<void> => {
  const incoming = new IncomingSnapshot(options.store)
  let first: PartHeader | null = null
  for (const part of step.parts) {
    const { header, records } = await decodePart(await fetchChecked(options, part))
    checkHeader(header, step, options.head)
    if (first !== null && JSON.stringify(first) !== JSON.stringify(header)) {
      invalid('the parts of one snapshot disagree')
    }
    first = header
    let sincePause = 0
    for (const record of records) {
      incoming.add(record)
      sincePause += 1
      if (sincePause < recordsBetweenPauses) continue
      sincePause = 0
      options.signal?.throwIfAborted()
      await pause()
    }
  }
  if (first === null) return invalid(`nothing leads to snapshot ${step.to}`)
  incoming.commit(first, step.kind === 'segment')
}

/** A constraint that the tables hold was broken by what came over the wire. */
const isConstraint = (error: unknown): boolean =>
  error instanceof Error &&
  'errcode' in error &&
  typeof error.errcode === 'number' &&
  (error.errcode & 0xff) === 19

const applyChain = async (options: ApplyOptions, chain: Chain, anew: boolean): Promise<void> => {
  const { store, head } = options
  try {
    await store.transaction(true, async () => {
      if (anew) store.restart({ repositoryId: head.repositoryId, epoch: head.epoch })
      for (const step of chain.steps) await applyStep(options, step)
      checkEntries(store)
    })
  } catch (error) {
    if (!isConstraint(error)) throw error
    throw new MirrorswarmError('MS_MANIFEST_INVALID', 'the manifest contradicts itself', {
      cause: error,
    })
  }
}

/**
 * Take the manifest to `head.snapshot`, or change nothing. Differences are used where they reach;
 * if they do not fit what is here, everything is loaded anew from the checkpoint. Throws
 * MS_MANIFEST_INVALID and what `fetchPart` throws.
 */
export const applyHead = async (options: ApplyOptions): Promise<ApplyResult> => {
  const { store, head } = options
  const identity = store.identity()
  if (identity !== null && identity.repositoryId !== head.repositoryId) {
    invalid(`the head is for repository ${head.repositoryId}, not ${identity.repositoryId}`)
  }
  const sameEpoch = identity?.epoch === head.epoch
  const from = sameEpoch ? (store.latest()?.number ?? 0) : 0
  const to = head.snapshot
  if (from > to) invalid(`snapshot ${to} is older than ${from}, which is here already`)
  if (from === to) return { from, to }
  const chain = planChain(head, from)
  // Snapshot 0 can only be reached by forgetting what is here.
  const anew = !sameEpoch || (chain.whole && head.checkpoint.snapshot === 0)
  try {
    await applyChain(options, chain, anew)
  } catch (error) {
    if (anew || from === 0 || !isMirrorswarmError(error, 'MS_MANIFEST_INVALID')) throw error
    options.onStartOver?.(describeError(error))
    await applyChain(options, planChain(head, null), true)
  }
  return { from, to }
}
