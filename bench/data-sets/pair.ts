// What a data set is for the delta bench: two versions of one file, and how they come about. Knows
// neither the rivals nor mirrorswarm.

import type { Cache } from './cache.ts'

export const pairKinds = [
  'deb',
  'tar',
  'npm',
  'npmtar',
  'index',
  'indexgz',
  'image',
  'random',
] as const

export type PairKind = (typeof pairKinds)[number]

/** The two files of a pair, as they lie in the cache, and what was taken for them. */
export interface PairFiles {
  readonly oldFile: string
  readonly newFile: string
  /** What the archives gave: "3.0.20-1 > 3.0.22-1". */
  readonly versions: string
}

/** Why a pair cannot be built here and now; others go on without it. */
export interface Unavailable {
  readonly unavailable: string
}

export interface PairRecipe {
  readonly kind: PairKind
  /** Unique; what `--only` is matched with. */
  readonly name: string
  /** The path that both versions have in the repository. */
  readonly path: string
  /** Part of the quick subset. */
  readonly small: boolean
  build(cache: Cache): Promise<PairFiles | Unavailable>
}

export interface Pair extends PairFiles {
  readonly kind: PairKind
  readonly name: string
  readonly path: string
  readonly oldBytes: number
  readonly newBytes: number
}
