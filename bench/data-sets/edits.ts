// Random files and their edited versions: incompressible bytes of which a share was overwritten,
// inserted or deleted in many places. The same for the same seed.

import { createWriteStream } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { seededRandom } from '../../core/clock.ts'
import { Noise } from '../../loadtest/sample/noise.ts'
import type { Cache } from './cache.ts'
import type { PairRecipe } from './pair.ts'

const MiB = 2 ** 20
const editedShare = 0.01
const overwriteShare = 0.6
const insertShare = 0.2

export interface EditOptions {
  readonly seed: number
  /** Mean size of an edit; sizes are uniform from 1 to twice that. */
  readonly meanBytes: number
  /** Bytes in edits per byte of the file. */
  readonly share: number
}

/** The parts of the edited version: 60 % of the edits overwrite, 20 % insert, 20 % delete. */
export function* editedParts(original: Buffer, options: EditOptions): Generator<Buffer> {
  const random = seededRandom(options.seed)
  const source = new Noise(`edits ${options.seed}`)
  const count = Math.round((original.length * options.share) / options.meanBytes)
  const places = Array.from({ length: count }, () => Math.floor(random() * original.length))
  let position = 0
  for (const place of places.sort((a, b) => a - b)) {
    // An edit that begins inside the one before it would overlap.
    if (place < position) continue
    yield original.subarray(position, place)
    const length = 1 + Math.floor(random() * (2 * options.meanBytes - 1))
    const draw = random()
    const deletes = draw >= overwriteShare + insertShare
    const inserts = draw >= overwriteShare && !deletes
    if (!deletes) yield source.take(length)
    position = Math.min(original.length, inserts ? place : place + length)
  }
  yield original.subarray(position)
}

/** A file of noise, with a name that tells its seed. */
export const noiseFile = (cache: Cache, seed: string, sizeBytes: number): Promise<string> =>
  cache.file(join('random', `${seed}-${sizeBytes}.bin`), async file => {
    await writeFile(file, new Noise(seed).take(sizeBytes))
  })

const editedFile = (cache: Cache, original: string, options: EditOptions): Promise<string> =>
  cache.file(join('random', `edited-${options.meanBytes}.bin`), async file => {
    const parts = editedParts(await readFile(original), options)
    await pipeline(Readable.from(parts), createWriteStream(file))
  })

const randomPair = (label: string, meanBytes: number): PairRecipe => ({
  kind: 'random',
  name: `random, 1 % in edits of ${label}`,
  path: `random/${meanBytes}/random.bin`,
  small: false,
  build: async cache => {
    const oldFile = await noiseFile(cache, 'original', 100 * MiB)
    const options = { seed: meanBytes, meanBytes, share: editedShare }
    return { oldFile, newFile: await editedFile(cache, oldFile, options), versions: 'seeded' }
  },
})

export const randomPairs: readonly PairRecipe[] = [
  randomPair('4 KiB', 4_096),
  randomPair('256 B', 256),
]
