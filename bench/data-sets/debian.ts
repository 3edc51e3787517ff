// Pairs of Debian packages: two versions of a package, or two packages that are near relatives, from
// whatever suites this machine's apt reaches; each as the .deb and as the tar inside it.

import { join } from 'node:path'
import { missing, runOrThrow } from '../../loadtest/programs.ts'
import { compareVersions } from '../../manifest/formats/version-order.ts'
import { type Cache, runOutside } from './cache.ts'
import type { PairFiles, PairRecipe, Unavailable } from './pair.ts'

export interface PackageVersion {
  readonly name: string
  readonly version: string
}

const needed = (): string | false => missing('apt-get', 'dpkg-deb')

const versionLists = new Map<string, Promise<string[]>>()

/** The binary versions that apt can download, newest first. */
export const availableVersions = (name: string): Promise<string[]> => {
  const asked = async (): Promise<string[]> => {
    const lines = (await runOutside('apt-cache', ['madison', name])).split('\n')
    const fields = lines.map(line => line.split('|').map(field => field.trim()))
    const binary = fields.filter(([, version, source]) => version && source?.endsWith('Packages'))
    const versions = new Set(binary.map(([, version = '']) => version))
    return [...versions].sort(compareVersions).reverse()
  }
  const list = versionLists.get(name) ?? asked()
  versionLists.set(name, list)
  return list
}

// apt's own names: the epoch's colon is escaped.
const prefixOf = ({ name, version }: PackageVersion): string =>
  `${name}_${version.replaceAll(':', '%3a')}_`

/** The .deb files of these versions, in the same order; one download for all that are not cached. */
export const debFiles = async (
  cache: Cache,
  packages: readonly PackageVersion[],
): Promise<string[]> => {
  const find = (each: PackageVersion): Promise<string | null> =>
    cache.find('deb', prefixOf(each), '.deb')
  const lacking: string[] = []
  for (const each of packages) {
    if ((await find(each)) === null) lacking.push(`${each.name}=${each.version}`)
  }
  if (lacking.length > 0) {
    await runOutside('apt-get', ['download', '-q', ...lacking], {
      cwd: await cache.subfolder('deb'),
    })
  }
  return await Promise.all(
    packages.map(async each => {
      const file = await find(each)
      if (file !== null) return file
      throw new Error(`apt-get download brought no ${each.name} ${each.version}`)
    }),
  )
}

/** The tar inside a .deb, as it is before its compression. */
const tarOf = (cache: Cache, deb: string, { name, version }: PackageVersion): Promise<string> =>
  cache.file(join('tar', `${prefixOf({ name, version })}data.tar`), async file => {
    await runOrThrow('sh', ['-c', 'dpkg-deb --fsys-tarfile "$0" > "$1"', deb, file])
  })

export type Choice = readonly [before: PackageVersion, after: PackageVersion]
type Choose = () => Promise<Choice | Unavailable>

/** The version `steps` before the newest, and the one after it. */
const versionsOf =
  (name: string, steps = 1): Choose =>
  async () => {
    const versions = await availableVersions(name)
    const [after, before] = versions.slice(steps - 1)
    return before === undefined || after === undefined
      ? { unavailable: `apt offers ${versions.length} version(s) of ${name}` }
      : [
          { name, version: before },
          { name, version: after },
        ]
  }

// Kernels have the number of their interface in the package's name.
const newestNames = async (prefix: string, suffix: string): Promise<string[]> => {
  const names = (await runOutside('apt-cache', ['pkgnames', prefix])).split('\n')
  const number = (name: string): string => name.slice(prefix.length, name.length - suffix.length)
  return names
    .filter(name => name.endsWith(suffix) && /^\d+$/.test(number(name)))
    .sort((a, b) => Number(number(b)) - Number(number(a)))
}

const newestOf = async (names: readonly string[]): Promise<Choice | Unavailable> => {
  const chosen: PackageVersion[] = []
  for (const name of names) {
    const [version] = await availableVersions(name)
    if (version !== undefined) chosen.push({ name, version })
  }
  const [before, after] = chosen
  return before === undefined || after === undefined
    ? { unavailable: `apt offers only ${chosen.map(({ name }) => name).join(', ') || 'none'}` }
    : [before, after]
}

const kernels =
  (prefix: string, suffix: string): Choose =>
  async () => {
    const [after, before] = await newestNames(prefix, suffix)
    return await newestOf([before, after].filter(name => name !== undefined))
  }

const kernelAndVariant =
  (prefix: string, suffix: string, variant: string): Choose =>
  async () => {
    const [plain] = await newestNames(prefix, suffix)
    const [other] = await newestNames(prefix, variant)
    return await newestOf([plain, other].filter(name => name !== undefined))
  }

const kernelSeries = '6.1'

const choices: readonly (readonly [name: string, choose: Choose, small?: 'small'])[] = [
  ['libssl3', versionsOf('libssl3'), 'small'],
  ['openssl', versionsOf('openssl'), 'small'],
  ['perl-base', versionsOf('perl-base'), 'small'],
  ['python3.11-minimal', versionsOf('python3.11-minimal')],
  ['libc6', versionsOf('libc6')],
  ['git', versionsOf('git')],
  ['postgresql-15', versionsOf('postgresql-15')],
  ['mariadb-server-core', versionsOf('mariadb-server-core')],
  ['tzdata', versionsOf('tzdata'), 'small'],
  ['libwebkit2gtk-4.1-0', versionsOf('libwebkit2gtk-4.1-0')],
  ['libreoffice-core', versionsOf('libreoffice-core')],
  ['openjdk-17-jre-headless', versionsOf('openjdk-17-jre-headless')],
  ['firefox-esr', versionsOf('firefox-esr')],
  ['linux-doc (before)', versionsOf(`linux-doc-${kernelSeries}`, 2)],
  ['linux-doc', versionsOf(`linux-doc-${kernelSeries}`)],
  ['linux-headers', kernels(`linux-headers-${kernelSeries}.0-`, '-common')],
  ['linux-image', kernels(`linux-image-${kernelSeries}.0-`, '-amd64')],
  ['linux-image to rt', kernelAndVariant(`linux-image-${kernelSeries}.0-`, '-amd64', '-rt-amd64')],
]

const build = async (
  cache: Cache,
  kind: 'deb' | 'tar',
  choose: Choose,
): Promise<PairFiles | Unavailable> => {
  const lacking = needed()
  if (lacking !== false) return { unavailable: lacking }
  const choice = await choose()
  if ('unavailable' in choice) return choice
  const [before, after] = choice
  const [oldDeb = '', newDeb = ''] = await debFiles(cache, choice)
  const versions =
    before.name === after.name
      ? `${before.version} > ${after.version}`
      : `${before.name} ${before.version} > ${after.name} ${after.version}`
  if (kind === 'deb') return { oldFile: oldDeb, newFile: newDeb, versions }
  const oldFile = await tarOf(cache, oldDeb, before)
  return { oldFile, newFile: await tarOf(cache, newDeb, after), versions }
}

/** The pairs of one form: packages as they are, or the tars inside. */
export const debianPairs = (kind: 'deb' | 'tar'): PairRecipe[] =>
  choices.map(([name, choose, small]) => ({
    kind,
    name: `${kind} ${name}`,
    path: `${kind}/${name.replace(/[ ()]+/g, '-')}/${name.split(' ')[0]}.${kind}`,
    // Of the packages themselves one shows what all do.
    small: small === 'small' && (kind === 'tar' || name === 'libssl3'),
    build: cache => build(cache, kind, choose),
  }))

/** The packages that change between the two images. */
export const changedInImages = async (): Promise<readonly Choice[]> => {
  const names = [
    ...['libssl3', 'openssl', 'perl-base', 'python3.11-minimal', 'libc6', 'git'],
    ...['postgresql-15', 'mariadb-server-core', 'libreoffice-core'],
  ]
  const found = await Promise.all(names.map(name => versionsOf(name)()))
  return found.filter((choice): choice is Choice => !('unavailable' in choice))
}
