// Pairs of Packages indexes: the real one of the machine's stable suite, and two newer ones made from
// it and the security suite: a day later (30 entries) and a point release later.

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { seededRandom } from '../../core/clock.ts'
import { missing, runOrThrow } from '../../loadtest/programs.ts'
import { type Cache, runOutside } from './cache.ts'
import {
  formatPackages,
  mergePackages,
  newestByName,
  type PackageEntry,
  parsePackages,
  replaceSome,
} from './packages-text.ts'
import type { PairFiles, PairRecipe, Unavailable } from './pair.ts'

const dailyEntries = 30
const seed = 20_250_520

interface IndexTarget {
  readonly file: string
  readonly codename: string
}

const targets = async (): Promise<IndexTarget[]> => {
  const format = '$(FILENAME)|$(CODENAME)|$(COMPONENT)|$(ARCHITECTURE)'
  const lines = (
    await runOutside('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])
  ).split('\n')
  const architecture = (await runOutside('dpkg', ['--print-architecture'])).trim()
  return lines
    .map(line => line.split('|'))
    .filter(([, , component, of]) => component === 'main' && of === architecture)
    .map(([file = '', codename = '']) => ({ file, codename }))
}

// A base suite is one that has a security suite beside it: other archives have none.
const filesOfSuites = async (): Promise<{ base: string; security: string } | Unavailable> => {
  const lacking = missing('apt-get')
  if (lacking !== false) return { unavailable: lacking }
  const all = await targets()
  for (const { codename, file } of all) {
    const security = all.find(each => each.codename === `${codename}-security`)
    if (security !== undefined) return { base: file, security: security.file }
  }
  const names = all.map(({ codename }) => codename).join(', ')
  return { unavailable: `apt has no index of a suite and its security suite (only ${names})` }
}

const plainIndex = (cache: Cache, name: string, source: string): Promise<string> =>
  cache.file(join('index', name), async file => {
    await runOrThrow('sh', ['-c', '/usr/lib/apt/apt-helper cat-file "$0" > "$1"', source, file])
  })

export interface Indexes {
  readonly base: string
  readonly security: string
}

/** The real indexes of the suite and of its security suite, as the cache first saw them. */
export const realIndexes = async (cache: Cache): Promise<Indexes | Unavailable> => {
  const suites = await filesOfSuites()
  if ('unavailable' in suites) return suites
  return {
    base: await plainIndex(cache, 'Packages', suites.base),
    security: await plainIndex(cache, 'Packages-security', suites.security),
  }
}

export const readIndex = async (file: string): Promise<PackageEntry[]> =>
  parsePackages(await readFile(file, 'utf8'))

type Change = 'daily' | 'point release'

const newerIndex = (cache: Cache, change: Change, indexes: Indexes): Promise<string> =>
  cache.file(join('index', `Packages-${change.replace(' ', '-')}`), async file => {
    const entries = await readIndex(indexes.base)
    const others = newestByName(await readIndex(indexes.security))
    const changed =
      change === 'daily'
        ? replaceSome(entries, others, dailyEntries, seededRandom(seed))
        : mergePackages(entries, others)
    await writeFile(file, formatPackages(changed))
  })

const gzipped = (cache: Cache, file: string): Promise<string> =>
  cache.file(join('index', `${file.split('/').at(-1)}.gz`), async target => {
    await runOrThrow('sh', ['-c', 'gzip -9nc "$0" > "$1"', file, target])
  })

const build = async (
  cache: Cache,
  change: Change,
  kind: 'index' | 'indexgz',
): Promise<PairFiles | Unavailable> => {
  const indexes = await realIndexes(cache)
  if ('unavailable' in indexes) return indexes
  const newer = await newerIndex(cache, change, indexes)
  const versions = change === 'daily' ? `${dailyEntries} entries replaced` : 'security merged in'
  if (kind === 'index') return { oldFile: indexes.base, newFile: newer, versions }
  return {
    oldFile: await gzipped(cache, indexes.base),
    newFile: await gzipped(cache, newer),
    versions,
  }
}

export const indexPairs: readonly PairRecipe[] = [
  {
    kind: 'index',
    name: 'index Packages daily',
    path: 'index/daily/Packages',
    small: true,
    build: cache => build(cache, 'daily', 'index'),
  },
  {
    kind: 'index',
    name: 'index Packages point release',
    path: 'index/point-release/Packages',
    small: false,
    build: cache => build(cache, 'point release', 'index'),
  },
  {
    kind: 'indexgz',
    name: 'index Packages.gz daily',
    path: 'index/daily-gz/Packages.gz',
    small: false,
    build: cache => build(cache, 'daily', 'indexgz'),
  },
]
