// Trees of files with the sizes of a real archive (Debian, January 2008: the distribution by number
// of files), the same for the same seed.

import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from '../../core/clock.ts'
import { Noise } from './noise.ts'

/** Share of files up to a size: points of the cumulative distribution, between which it is log-linear. */
const sizeDistribution: readonly (readonly [sizeBytes: number, share: number])[] = [
  [1_000, 0],
  [8_000, 0.048],
  [16_000, 0.14],
  [32_000, 0.28],
  [64_000, 0.42],
  [128_000, 0.56],
  [256_000, 0.68],
  [512_000, 0.79],
  [1_000_000, 0.87],
  [2_000_000, 0.92],
  [4_000_000, 0.96],
  [8_000_000, 0.98],
  [16_000_000, 0.993],
  [32_000_000, 0.998],
  [64_000_000, 1],
]

/** The size at `share` (0 to 1) of the distribution. */
export const sizeAtShare = (share: number): number => {
  let [lowSize, lowShare] = sizeDistribution[0] ?? [0, 0]
  for (const [size, upTo] of sizeDistribution) {
    if (share <= upTo) {
      const position = upTo === lowShare ? 0 : (share - lowShare) / (upTo - lowShare)
      return Math.round(lowSize * (size / lowSize) ** position)
    }
    lowSize = size
    lowShare = upTo
  }
  return lowSize
}

export interface FileTreeOptions {
  readonly files: number
  /** Sum of the sizes; the drawn sizes are scaled to it exactly. */
  readonly bytes: number
  readonly seed: number
}

/** The sizes of a tree: drawn from the distribution by stratified sampling, shuffled, scaled to the sum. */
export const treeSizes = ({ files, bytes, seed }: FileTreeOptions): number[] => {
  const random = seededRandom(seed)
  const drawn = Array.from({ length: files }, (_, index) => sizeAtShare((index + random()) / files))
  for (let index = files - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1))
    const swapped = drawn[index] ?? 0
    drawn[index] = drawn[other] ?? 0
    drawn[other] = swapped
  }
  const sum = drawn.reduce((total, size) => total + size, 0)
  const sizes = drawn.map(size => Math.max(1, Math.floor((size * bytes) / sum)))
  const rest = bytes - sizes.reduce((total, size) => total + size, 0)
  const largest = sizes.indexOf(Math.max(...sizes))
  if (largest >= 0) sizes[largest] = Math.max(1, (sizes[largest] ?? 0) + rest)
  return sizes
}

/** The path of the file with this index: forty to a folder, named as a pool is. */
export const treePath = (index: number): string => {
  const folder = Math.floor(index / 40)
  const letter = String.fromCharCode(97 + (folder % 26))
  return `pool/${letter}/source-${folder}/file-${index}_1.0_all.deb`
}

/** Write the tree under `root`. Returns the paths, relative to it, with their sizes. */
export const fileTree = (
  root: string,
  options: FileTreeOptions,
): { path: string; sizeBytes: number }[] => {
  const source = new Noise(`tree ${options.seed}`)
  const modified = 1_600_000_000
  return treeSizes(options).map((sizeBytes, index) => {
    const path = treePath(index)
    const file = join(root, path)
    if (index % 40 === 0) mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, source.take(sizeBytes))
    utimesSync(file, modified + index, modified + index)
    return { path, sizeBytes }
  })
}
