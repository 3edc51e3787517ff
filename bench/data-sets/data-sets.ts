// All pairs of the delta bench: which there are, which of them are wanted, and building those.

import { stat } from 'node:fs/promises'
import type { Cache } from './cache.ts'
import { debianPairs } from './debian.ts'
import { randomPairs } from './edits.ts'
import { imagePair } from './images.ts'
import { npmPairs } from './npm.ts'
import { indexPairs } from './packages-index.ts'
import type { Pair, PairRecipe } from './pair.ts'

export const recipes: readonly PairRecipe[] = [
  ...debianPairs('deb'),
  ...debianPairs('tar'),
  ...npmPairs('npm'),
  ...npmPairs('npmtar'),
  ...indexPairs,
  imagePair,
  ...randomPairs,
]

export interface Selection {
  /** Names must match; null: all. */
  readonly only: RegExp | null
  /** The quick subset, under 100 MB. */
  readonly small: boolean
}

export const selectRecipes = ({ only, small }: Selection): PairRecipe[] =>
  recipes.filter(recipe => (!small || recipe.small) && (only?.test(recipe.name) ?? true))

/** Build the pairs one after the other; `say` is told what was taken and what is left out. */
export const buildPairs = async (
  cache: Cache,
  selected: readonly PairRecipe[],
  say: (text: string) => void,
): Promise<Pair[]> => {
  const pairs: Pair[] = []
  for (const recipe of selected) {
    const built = await recipe.build(cache)
    if ('unavailable' in built) {
      say(`left out: ${recipe.name}: ${built.unavailable}`)
      continue
    }
    say(`${recipe.name}: ${built.versions}`)
    const { kind, name, path } = recipe
    const [oldBytes, newBytes] = await Promise.all(
      [built.oldFile, built.newFile].map(async file => (await stat(file)).size),
    )
    pairs.push({ ...built, kind, name, path, oldBytes: oldBytes ?? 0, newBytes: newBytes ?? 0 })
  }
  return pairs
}
