// When a family of contents whose bases never match is tried again: ever more seldom, but not never,
// since a publisher may change how files are packed. Pure counting.

import { familySkipsMost } from '../../core/basis-limits.ts'

export interface FamilyMemory {
  /** Attempts in a row that matched next to nothing. */
  readonly misses: number
  /** Contents to be left out before the next attempt. */
  readonly skips: number
}

/** Less than this share of a content is no match. */
const leastShare = 0.01

/** Whether to try now, and what to remember of having asked (`null`: nothing). */
export const askFamily = (
  memory: FamilyMemory | null,
): { readonly attempt: boolean; readonly next: FamilyMemory | null } =>
  memory === null || memory.skips === 0
    ? { attempt: true, next: memory }
    : { attempt: false, next: { ...memory, skips: memory.skips - 1 } }

/** One miss may be chance; from the second on contents are left out: 1, 2, 4, … of them. */
export const noteOutcome = (
  memory: FamilyMemory | null,
  matchedBytes: number,
  sizeBytes: number,
): FamilyMemory | null => {
  if (matchedBytes > 0 && matchedBytes >= sizeBytes * leastShare) return null
  const misses = (memory?.misses ?? 0) + 1
  return { misses, skips: misses < 2 ? 0 : Math.min(familySkipsMost, 2 ** (misses - 2)) }
}
