// Installation images: an ISO of about 170 packages, the same with some of them newer, and the loose
// packages of the first one.

import { readdir, rm, utimes } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { seededRandom } from '../../core/clock.ts'
import { missing, runOrThrow } from '../../loadtest/programs.ts'
import { type Cache, linkFile } from './cache.ts'
import { changedInImages, debFiles, type PackageVersion } from './debian.ts'
import { readIndex, realIndexes } from './packages-index.ts'
import { type PackageEntry, readField } from './packages-text.ts'
import type { PairRecipe, Unavailable } from './pair.ts'

const packagesInImage = 170
const largestPackageBytes = 4_000_000
const seed = 170
/** Of the files in an image and of the image itself, so that the same packages make the same bytes. */
const madeAtSeconds = 1_700_000_000

const sizeOf = (entry: PackageEntry): number => Number(readField(entry, 'Size'))

/** What is in both images: all of the standard system that is not large, and random libraries. */
const choosePackages = (
  entries: readonly PackageEntry[],
  without: ReadonlySet<string>,
): PackageVersion[] => {
  const usable = entries.filter(
    entry => !without.has(entry.name) && sizeOf(entry) <= largestPackageBytes,
  )
  const priorities = ['required', 'important', 'standard']
  const chosen = usable.filter(entry => priorities.includes(readField(entry, 'Priority')))
  const libraries = usable.filter(entry => entry.name.startsWith('lib') && !chosen.includes(entry))
  const random = seededRandom(seed)
  while (chosen.length < packagesInImage - without.size && libraries.length > 0) {
    chosen.push(...libraries.splice(Math.floor(random() * libraries.length), 1))
  }
  return chosen.map(({ name, version }) => ({ name, version }))
}

const makeImage = async (pool: string, image: string): Promise<void> => {
  await runOrThrow('xorriso', [
    ...['-as', 'mkisofs', '-quiet', '-r', '-J', '-V', 'SAMPLE'],
    ...[
      `--modification-date=${new Date(madeAtSeconds * 1000).toISOString().replace(/\D/g, '').slice(0, 16)}`,
    ],
    ...['-o', image, pool],
  ])
}

const fillPool = async (folder: string, debs: readonly string[]): Promise<void> => {
  for (const deb of debs) {
    const target = join(folder, 'pool', basename(deb))
    await rm(target, { force: true })
    await linkFile(deb, target)
    await utimes(target, madeAtSeconds, madeAtSeconds)
  }
  await utimes(join(folder, 'pool'), madeAtSeconds, madeAtSeconds)
}

export interface Images {
  readonly before: string
  readonly after: string
  /** The packages of `before`. */
  readonly loose: readonly string[]
  readonly changed: number
}

/** Both images, and the loose packages; null with a reason where they cannot be made. */
export const makeImages = async (cache: Cache): Promise<Images | Unavailable> => {
  const lacking = missing('xorriso', 'apt-get')
  if (lacking !== false) return { unavailable: lacking }
  const indexes = await realIndexes(cache)
  if ('unavailable' in indexes) return indexes
  const changed = await changedInImages()
  const names = new Set(changed.map(([{ name }]) => name))
  const stable = await debFiles(cache, choosePackages(await readIndex(indexes.base), names))
  const image = async (label: string, which: 0 | 1): Promise<[string, string[]]> => {
    const debs = await debFiles(
      cache,
      changed.map(choice => choice[which]),
    )
    const all = [...stable, ...debs]
    const file = await cache.file(join('image', `${label}.iso`), async target => {
      const folder = await cache.subfolder(join('image', label))
      for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true })
      await fillPool(folder, all)
      await makeImage(folder, target)
      await rm(folder, { recursive: true })
    })
    return [file, all]
  }
  const [before, loose] = await image('before', 0)
  const [after] = await image('after', 1)
  return { before, after, loose, changed: changed.length }
}

export const imagePair: PairRecipe = {
  kind: 'image',
  name: 'image with newer packages',
  path: 'image/system.iso',
  small: false,
  build: async cache => {
    const images = await makeImages(cache)
    if ('unavailable' in images) return images
    const { before, after, loose, changed } = images
    return {
      oldFile: before,
      newFile: after,
      versions: `${changed} of ${loose.length} packages`,
    }
  },
}
