// Pairs of npm packages: two published versions, each as the .tgz and as the tar inside it.

import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { type Cache, runOutside } from './cache.ts'
import type { PairFiles, PairRecipe, Unavailable } from './pair.ts'

const versions: readonly (readonly [
  name: string,
  before: string,
  after: string,
  small?: 'small',
])[] = [
  ['webtorrent', '2.8.4', '2.8.5'],
  ['webtorrent', '2.8.5', '3.0.21'],
  ['typescript', '5.6.2', '5.6.3', 'small'],
  ['@types/node', '20.11.29', '20.11.30', 'small'],
  ['react-dom', '18.2.0', '18.3.1'],
  ['aws-sdk', '2.1690.0', '2.1691.0'],
  ['three', '0.160.0', '0.160.1'],
  ['express', '4.19.1', '4.19.2', 'small'],
  ['next', '14.2.4', '14.2.5'],
]

// npm's own file names: the scope becomes a prefix.
const shortName = (name: string): string => name.replace('@', '').replace('/', '-')

const tarball = (cache: Cache, name: string, version: string): Promise<string> => {
  const file = `${shortName(name)}-${version}.tgz`
  return cache.file(join('npm', file), async target => {
    const folder = `${target}.folder`
    await mkdir(folder, { recursive: true })
    await runOutside('npm', ['pack', '--ignore-scripts', '--silent', `${name}@${version}`], {
      cwd: folder,
    })
    await rename(join(folder, file), target)
    await rm(folder, { recursive: true })
  })
}

const tarOf = (cache: Cache, tgz: string): Promise<string> =>
  cache.file(join('npmtar', basename(tgz).replace(/tgz$/, 'tar')), async file => {
    await pipeline(createReadStream(tgz), createGunzip(), createWriteStream(file))
  })

const build = async (
  cache: Cache,
  kind: 'npm' | 'npmtar',
  name: string,
  before: string,
  after: string,
): Promise<PairFiles | Unavailable> => {
  const pair = { versions: `${before} > ${after}` }
  let oldTgz: string
  let newTgz: string
  try {
    oldTgz = await tarball(cache, name, before)
    newTgz = await tarball(cache, name, after)
  } catch (error) {
    return { unavailable: error instanceof Error ? error.message : String(error) }
  }
  if (kind === 'npm') return { ...pair, oldFile: oldTgz, newFile: newTgz }
  return { ...pair, oldFile: await tarOf(cache, oldTgz), newFile: await tarOf(cache, newTgz) }
}

/** The pairs of one form: tarballs as npm publishes them, or what they are when inflated. */
export const npmPairs = (kind: 'npm' | 'npmtar'): PairRecipe[] =>
  versions.map(([name, before, after, small]) => {
    const label = `${shortName(name)} ${before} > ${after}`
    const file = `${shortName(name)}.${kind === 'npm' ? 'tgz' : 'tar'}`
    return {
      kind,
      name: `${kind} ${label}`,
      path: `${kind}/${label.replace(/[ >]+/g, '-')}/${file}`,
      small: small === 'small' && kind === 'npmtar',
      build: cache => build(cache, kind, name, before, after),
    }
  })
