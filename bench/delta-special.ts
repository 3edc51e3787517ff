// The cases of the delta bench that are no pair of versions: an image from its loose packages, a
// renamed file, and new content that resembles nothing.

import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Cache } from './data-sets/cache.ts'
import { noiseFile } from './data-sets/edits.ts'
import { makeImages } from './data-sets/images.ts'
import type { Aim } from './delta-aims.ts'
import type { DeltaNetwork, OursResult } from './delta-ours.ts'
import type { RivalResult, Rivals } from './delta-rivals.ts'

const MiB = 2 ** 20
const unlikeBytes = 32 * MiB

export interface SpecialResult {
  readonly name: string
  readonly newBytes: number
  readonly ours: OursResult
  /** zsync is the only rival that takes more than one basis. */
  readonly zsync: RivalResult | null
  readonly aim: Aim | null
}

const aimOf = (what: string, atMost: number, ours: OursResult, newBytes: number): Aim => ({
  ...{ what, atMost, value: ours.bytes / newBytes, worst: null },
  pairs: 1,
})

/** A renamed file costs an entry of the manifest. */
export const measureRenamed = async (
  network: DeltaNetwork,
  cache: Cache,
): Promise<SpecialResult> => {
  const file = await noiseFile(cache, 'renamed', unlikeBytes)
  await network.prepare(new Map([['special/before.bin', file]]))
  const ours = await network.measureRename('special/before.bin', 'special/moved/after.bin')
  const what = 'a renamed file ÷ the content'
  return {
    ...{ name: 'a renamed file', newBytes: unlikeBytes, ours, zsync: null },
    aim: aimOf(what, 0.001, ours, unlikeBytes),
  }
}

/** A new version that has nothing in common with the one before. */
export const measureUnlike = async (
  network: DeltaNetwork,
  cache: Cache,
): Promise<SpecialResult> => {
  const path = 'special/unlike.bin'
  await network.prepare(new Map([[path, await noiseFile(cache, 'before', unlikeBytes)]]))
  const ours = await network.measure(path, await noiseFile(cache, 'unlike', unlikeBytes))
  return {
    ...{ name: 'nothing similar', newBytes: unlikeBytes, ours, zsync: null },
    aim: aimOf('nothing similar ÷ the content', 1.005, ours, unlikeBytes),
  }
}

/** An image of packages that the volunteer has as loose files; null where none can be made. */
export const measureImage = async (
  network: DeltaNetwork,
  cache: Cache,
  rivals: Rivals | null,
  say: (text: string) => void,
): Promise<SpecialResult | null> => {
  const images = await makeImages(cache)
  if ('unavailable' in images) {
    say(`left out: the image from its loose packages: ${images.unavailable}`)
    return null
  }
  const { before: image, loose } = images
  const newBytes = (await stat(image)).size
  await network.prepare(new Map(loose.map(deb => [`pool/${basename(deb)}`, deb])))
  const ours = await network.measure('images/system.iso', image)
  return {
    ...{ name: `an image from its ${loose.length} loose packages`, newBytes, ours },
    zsync: (await rivals?.measureZsync(loose, image)) ?? null,
    aim: aimOf('an image from its loose packages ÷ the content', 0.01, ours, newBytes),
  }
}
