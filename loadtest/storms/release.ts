// The repository that the load tests serve, and what users want of it: images, updates and the rest
// in the shares of bytes that an enterprise's logs had, popular as Debian's packages are.

import { createHash } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { treePath, treeSizes } from '../sample/file-tree.ts'
import { Noise } from '../sample/noise.ts'
import type { FileClass, Workload, WorkloadFile } from './workload-format.ts'

export interface ReleaseOptions {
  readonly images: number
  readonly imageBytes: number
  readonly packages: number
  readonly packageBytes: number
  readonly seed: number
}

export const usualRelease: ReleaseOptions = {
  images: 3,
  imageBytes: 8 << 20,
  packages: 300,
  packageBytes: 64 << 20,
  seed: 1,
}

/** Of all bytes that users took: images, updates, and what is left. */
const byteShares = { image: 0.71, update: 0.23, other: 0.06 } as const
/** Of the packages: those that updates bring. */
const updatedShare = 0.1

/**
 * Debian's popularity: the share of packages that at most so large a share of users has installed;
 * log-linear in between.
 */
const popularity: readonly (readonly [packages: number, users: number])[] = [
  [0, 0.000_01],
  [0.108, 0.000_1],
  [0.46, 0.001],
  [0.67, 0.003],
  [0.81, 0.009],
  [0.9, 0.035],
  [0.93, 0.085],
  [0.965, 0.21],
  [0.987, 0.51],
  [1, 0.8],
]

/** The share of users who want the package at `place`: 0 is the least popular one, 1 the most. */
export const usersOf = (place: number): number => {
  let [low, lowUsers] = popularity[0] ?? [0, 0]
  for (const [upTo, users] of popularity) {
    if (place <= upTo) {
      return upTo === low ? users : lowUsers * (users / lowUsers) ** ((place - low) / (upTo - low))
    }
    low = upTo
    lowUsers = users
  }
  return lowUsers
}

const indexBytes = [4_096, 96 << 10]

const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

interface Written {
  readonly path: string
  readonly sizeBytes: number
  readonly sha256: string
}

const put = (root: string, path: string, bytes: Buffer): Written => {
  const file = join(root, path)
  mkdirSync(dirname(file), { recursive: true })
  // Never half a file where a scan may look.
  writeFileSync(`${file}.new`, bytes)
  renameSync(`${file}.new`, file)
  return { path, sizeBytes: bytes.length, sha256: sha256Of(bytes) }
}

/** What a client reads first: a small file that changes in place, and an index by its hash, as apt asks for it. */
const indexFiles = (seed: number, edition: number): { path: string; bytes: Buffer }[] => {
  const [release, list] = indexBytes.map((length, index) =>
    new Noise(`index ${seed} ${edition} ${index}`).take(length),
  ) as [Buffer, Buffer]
  return [
    { path: 'dists/stable/InRelease', bytes: release },
    { path: `dists/stable/main/binary-all/by-hash/SHA256/${sha256Of(list)}`, bytes: list },
  ]
}

/** Files, most popular first, with what each of them gets of the requests. */
const ranked = (files: readonly Written[], weigh: (place: number) => number): WorkloadFile[] => {
  const weights = files.map((_, index) => weigh(1 - (index + 0.5) / files.length))
  const all = weights.reduce((sum, weight) => sum + weight, 0)
  let sum = 0
  return files.map(({ path, sizeBytes, sha256 }, index) => {
    sum += (weights[index] ?? 0) / all
    const upTo = index === files.length - 1 ? 1 : sum
    return { path: encodeURI(path), sizeBytes, sha256: [sha256], upTo }
  })
}

const meanBytes = (files: readonly WorkloadFile[]): number => {
  let below = 0
  return files.reduce((sum, { sizeBytes, upTo }) => {
    const part = (upTo - below) * sizeBytes
    below = upTo
    return sum + part
  }, 0)
}

/** Classes drawn so often that each gets its share of the bytes. */
const classesOf = (files: Readonly<Record<FileClass['name'], WorkloadFile[]>>): FileClass[] => {
  const names = ['image', 'update', 'other'] as const
  const requests = names.map(name => byteShares[name] / meanBytes(files[name]))
  const sum = requests.reduce((total, each) => total + each, 0)
  let upTo = 0
  return names.map((name, index) => {
    upTo = index === names.length - 1 ? 1 : upTo + (requests[index] ?? 0) / sum
    return { name, upTo, files: files[name] }
  })
}

/** Write the release under `root`; returns what users want of it. */
export const writeRelease = (root: string, options: ReleaseOptions): Workload => {
  const { images, imageBytes, packages, packageBytes, seed } = options
  const noise = new Noise(`release ${seed}`)
  const image = Array.from({ length: images }, (_, index) =>
    put(root, `images/release-${index + 1}.iso`, noise.take(imageBytes)),
  )
  const sizes = treeSizes({ files: packages, bytes: packageBytes, seed })
  const written = sizes.map((size, index) => put(root, treePath(index), noise.take(size)))
  const updates = Math.max(1, Math.round(packages * updatedShare))
  const [laterRelease] = indexFiles(seed, 2)
  const indexes = indexFiles(seed, 1).map(({ path, bytes }, index): WorkloadFile => {
    const { sizeBytes, sha256 } = put(root, path, bytes)
    // The first changes in place while users are there, the other keeps its name.
    const next = index === 0 && laterRelease !== undefined ? [sha256Of(laterRelease.bytes)] : []
    return { path: encodeURI(path), sizeBytes, sha256: [sha256, ...next], upTo: 1 }
  })
  return {
    classes: classesOf({
      image: ranked(image, () => 1),
      update: ranked(written.slice(0, updates), usersOf),
      other: ranked(written.slice(updates), usersOf),
    }),
    indexes,
    credentials: [],
  }
}

/** What is published while users are there: new indexes, and some packages more. */
export const writeNextEdition = (root: string, { packages, seed }: ReleaseOptions): void => {
  const noise = new Noise(`next ${seed}`)
  for (let index = 0; index < 10; index++) {
    put(root, treePath(packages + index), noise.take(64 << 10))
  }
  for (const { path, bytes } of indexFiles(seed, 2)) put(root, path, bytes)
}
