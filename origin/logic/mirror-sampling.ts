// Which file at a mirror without our daemon to look at next, which bytes of it, and when again. Pure:
// the files come in as short queues, time and chance as values; it knows no HTTP and no database.

import type { Random } from '../../core/clock.ts'
import type { ContentNumber } from '../../core/ids.ts'
import { coarseChunkBytes } from '../../core/kernel/chunk-map.ts'
import {
  absentFirstMs,
  absentInRow,
  absentMostMs,
  absentSpacingMs,
  busyFirstMs,
  busyLeastMs,
  busyMostMs,
  edgeLookBytes,
  lookSpacingMs,
  pauseFirstMs,
  pauseMostMs,
  proofAgeMs,
  rangeLookBytes,
  segmentLookBytes,
  wholeLookBytes,
} from '../../core/sampling-limits.ts'

/**
 * suspected: a client came back from the mirror · popular: clients ask for it · expiring: its proof grows old · unknown: never looked at, the newest first · absent: it was not
 * there, and may be now · unfinished: proved by parts, the rest is still to be compared.
 */
export const lookKinds = [
  'suspected',
  'popular',
  'expiring',
  'unknown',
  'absent',
  'unfinished',
] as const
export type LookKind = (typeof lookKinds)[number]

/** Short queues of contents, the first of each is the next. */
export type LookQueues = Readonly<Record<LookKind, readonly ContentNumber[]>>

export interface Look {
  readonly kind: LookKind
  readonly content: ContentNumber
}

/** Each of these looks goes to a proof that grows old: a flood of new files starves none. */
const renewalTurn = 4

/** The next look; null: there is nothing to do. `turn` grows by one with each look. */
export const nextLook = (queues: LookQueues, turn: number): Look | null => {
  const renews = turn % renewalTurn === renewalTurn - 1 && queues.suspected.length === 0
  const order: readonly LookKind[] = renews ? ['expiring', ...lookKinds] : lookKinds
  for (const kind of order) {
    const content = queues[kind][0]
    if (content !== undefined) return { kind, content }
  }
  return null
}

/** What is known of a file at a mirror. */
export interface Proof {
  readonly lookedMs: number
  /** Bytes from the beginning that were compared without a gap; all of them: proved whole. */
  readonly coveredBytes: number
  /** What the mirror called the file then: ETag, else Last-Modified; '' for neither. */
  readonly validator: string
}

/** Whether clients may be sent there for it; one from the future is of a clock that was wrong. */
export const isValidProof = ({ lookedMs }: Proof, nowMs: number, ageMs = proofAgeMs): boolean =>
  lookedMs <= nowMs + ageMs / 2 && nowMs - lookedMs < ageMs

/** When a proof is to be renewed. */
export const renewalMs = ({ lookedMs }: Proof, ageMs = proofAgeMs): number => lookedMs + ageMs / 2

/** Bytes of a file, asked for by one request each. */
export interface Part {
  readonly offset: number
  readonly length: number
}

const randomPart = (sizeBytes: number, most: number, random: Random): Part => {
  const length = Math.min(most, sizeBytes)
  const chunks = Math.floor((sizeBytes - length) / coarseChunkBytes) + 1
  return { offset: Math.floor(random() * chunks) * coarseChunkBytes, length }
}

/** A first look: small files whole, of large ones the beginning, a random part and the end. */
const firstParts = (sizeBytes: number, random: Random): Part[] => {
  if (sizeBytes <= wholeLookBytes) return [{ offset: 0, length: sizeBytes }]
  return [
    { offset: 0, length: edgeLookBytes },
    randomPart(sizeBytes, rangeLookBytes, random),
    { offset: sizeBytes - edgeLookBytes, length: edgeLookBytes },
  ]
}

/**
 * Which parts to fetch. Without a proof, or with one that cannot tell a change, it is a first look;
 * small files are always proved whole. Later looks fetch the next segment of what is unfinished, or a
 * random part.
 */
export const partsOf = (
  kind: LookKind,
  sizeBytes: number,
  proof: Proof | null,
  random: Random,
): Part[] => {
  const isSmall = sizeBytes <= wholeLookBytes
  if (proof === null || proof.validator === '') return firstParts(sizeBytes, random)
  if (isSmall && proof.coveredBytes < sizeBytes) return firstParts(sizeBytes, random)
  if (kind === 'unfinished' && proof.coveredBytes < sizeBytes) {
    const left = sizeBytes - proof.coveredBytes
    return [{ offset: proof.coveredBytes, length: Math.min(segmentLookBytes, left) }]
  }
  return [randomPart(sizeBytes, isSmall ? edgeLookBytes : rangeLookBytes, random)]
}

/**
 * The proof after all `parts` were right. A file that is called otherwise than before is another
 * one: what was compared of the old one counts no more.
 */
export const provedBy = (
  before: Proof | null,
  parts: readonly Part[],
  validator: string,
  nowMs: number,
): Proof => {
  const same = before !== null && validator !== '' && before.validator === validator
  let coveredBytes = same ? before.coveredBytes : 0
  for (const { offset, length } of parts.toSorted((a, b) => a.offset - b.offset)) {
    if (offset <= coveredBytes) coveredBytes = Math.max(coveredBytes, offset + length)
  }
  return { lookedMs: nowMs, coveredBytes, validator }
}

/** When to look again for a file that was not there `times` times in a row, one at least. */
export const absentAgainMs = (times: number): number =>
  Math.min(absentMostMs, absentFirstMs * 2 ** Math.min(20, Math.max(0, times - 1)))

/** The time between two requests: longer where hardly anything is found. */
export const spacingMs = (absentFilesInRow: number): number =>
  absentFilesInRow >= absentInRow ? absentSpacingMs : lookSpacingMs

/** How long to leave a mirror alone that did not answer `failures` times in a row, one at least. */
export const pauseMs = (failures: number): number =>
  Math.min(pauseMostMs, pauseFirstMs * 2 ** Math.min(20, Math.max(0, failures - 1)))

/**
 * How long to leave a mirror alone that answered 429 or 503, by its Retry-After (RFC 9110, 10.2.3:
 * seconds or a date), within bounds; without one, longer each time.
 */
export const busyPauseMs = (retryAfter: string, times: number, nowMs: number): number => {
  const text = retryAfter.trim().slice(0, 64)
  const asked = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs
  const wanted = Number.isFinite(asked)
    ? asked
    : busyFirstMs * 2 ** Math.min(20, Math.max(0, times - 1))
  return Math.min(busyMostMs, Math.max(busyLeastMs, wanted))
}
