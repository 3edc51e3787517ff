// What of the repository this volunteer is to hold, by its owner's word, which may change while it
// works. It fetches and deletes nothing.

import { isDeepStrictEqual } from 'node:util'
import type { RepoPath } from '../core/ids.ts'
import { compileScope, type Scope } from '../manifest/logic/scope.ts'
import type { CheckedOptions } from './options.ts'

export interface Wishes {
  readonly scope: Scope
  /** Null: no quota. */
  readonly quotaBytes: number | null
}

type Wished = Pick<CheckedOptions, 'include' | 'exclude' | 'quotaBytes'>

/** `dataFolder`: its place inside the mirror, null if it is outside. */
export const wishesOf = (
  { include, exclude, quotaBytes }: Wished,
  dataFolder: RepoPath | null,
): Wishes => ({ scope: compileScope({ include, exclude, dataFolder }), quotaBytes })

export const sameWishes = (one: Wished, other: Wished): boolean =>
  one.quotaBytes === other.quotaBytes &&
  isDeepStrictEqual([one.include, one.exclude], [other.include, other.exclude])
