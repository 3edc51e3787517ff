// A small, real pacman repository: packages and a database, made by tar.

import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Hex } from '../../core/keys.ts'
import { temporaryFolder } from '../leftovers.ts'
import { runOrThrow } from '../programs.ts'
import { type PackageSpecification, packagePayload } from './deb-package.ts'

const infoText = ({ name, version, payloadBytes }: PackageSpecification): string =>
  [
    `pkgname = ${name}`,
    `pkgbase = ${name}`,
    `pkgver = ${version}-1`,
    'pkgdesc = sample package',
    'url = https://example.org',
    'builddate = 1700000000',
    'packager = Mirrorswarm Sample',
    `size = ${payloadBytes}`,
    'arch = any',
    'license = Apache-2.0',
    '',
  ].join('\n')

const fields = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([name, value]) => `%${name}%\n${value}\n\n`)
    .join('')

/** Make packages in `root` (made when missing) and the database `sample.db` beside them. */
export const publishPacman = async (
  root: string,
  packages: readonly PackageSpecification[],
): Promise<void> => {
  await mkdir(root, { recursive: true })
  const work = temporaryFolder('pacman')
  try {
    const database = join(work.path, 'database')
    await mkdir(database)
    const names: string[] = []
    for (const each of packages) {
      const { name, version } = each
      const content = join(work.path, `${name}-${version}`)
      await mkdir(join(content, 'usr/share', name), { recursive: true })
      await writeFile(join(content, '.PKGINFO'), infoText(each))
      await writeFile(join(content, 'usr/share', name, 'payload'), packagePayload(each))
      const file = join(root, `${name}-${version}-1-any.pkg.tar.gz`)
      await runOrThrow('tar', ['-czf', file, '-C', content, '.PKGINFO', 'usr'])
      names.push(`${name}-${version}-1`)
      const description = join(database, `${name}-${version}-1`)
      await mkdir(description)
      await writeFile(
        join(description, 'desc'),
        fields({
          FILENAME: `${name}-${version}-1-any.pkg.tar.gz`,
          NAME: name,
          VERSION: `${version}-1`,
          DESC: 'sample package',
          CSIZE: String((await stat(file)).size),
          ISIZE: String(each.payloadBytes),
          SHA256SUM: sha256Hex(await readFile(file)),
          ARCH: 'any',
        }),
      )
    }
    await runOrThrow('tar', ['-czf', join(root, 'sample.db'), '-C', database, ...names])
  } finally {
    work.remove()
  }
}
