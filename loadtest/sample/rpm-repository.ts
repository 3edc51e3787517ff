// A small, real rpm repository, built by rpmbuild and createrepo_c, that can publish new versions.

import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '../leftovers.ts'
import { plainEnvironment, runOrThrow } from '../programs.ts'
import { type PackageSpecification, packagePayload } from './deb-package.ts'

/** Programs without which there is no rpm repository. */
export const rpmPrograms = ['rpmbuild', 'createrepo_c'] as const

export const sampleRpms: readonly PackageSpecification[] = [
  { name: 'swarm-lib', version: '1.0', payloadBytes: 500_000 },
  { name: 'swarm-tool', version: '1.0', payloadBytes: 250_000, depends: ['swarm-lib'] },
  { name: 'swarm-tool', version: '1.1', payloadBytes: 250_000, depends: ['swarm-lib'] },
]

const specText = (specification: PackageSpecification): string => {
  const { name, version, depends = [] } = specification
  return [
    `Name: ${name}`,
    `Version: ${version}`,
    'Release: 1',
    'Summary: sample package',
    'License: Apache-2.0',
    'BuildArch: noarch',
    ...depends.map(each => `Requires: ${each}`),
    '%description',
    'It holds noise; installing it does nothing.',
    '%install',
    `mkdir -p %{buildroot}/usr/share/${name}`,
    `cp %{_sourcedir}/payload %{buildroot}/usr/share/${name}/payload`,
    '%files',
    `/usr/share/${name}/payload`,
    '',
  ].join('\n')
}

/** Build one rpm and copy it into `folder`. */
const rpmPackage = async (folder: string, specification: PackageSpecification): Promise<void> => {
  const work = temporaryFolder('rpm')
  try {
    const sources = join(work.path, 'SOURCES')
    await mkdir(sources)
    await writeFile(join(sources, 'payload'), packagePayload(specification))
    const spec = join(work.path, 'sample.spec')
    await writeFile(spec, specText(specification))
    const defines = ['--define', `_topdir ${work.path}`, '--define', '_binary_payload w1.gzdio']
    await runOrThrow('rpmbuild', ['-bb', '--quiet', ...defines, spec], {
      cwd: work.path,
      env: plainEnvironment({ HOME: work.path }),
    })
    const built = join(work.path, 'RPMS/noarch')
    for (const name of await readdir(built)) {
      await copyFile(join(built, name), join(folder, name))
    }
  } finally {
    work.remove()
  }
}

/** Add packages under `root`/Packages (made when missing) and write repodata anew. */
export const publishRpms = async (
  root: string,
  packages: readonly PackageSpecification[] = sampleRpms,
): Promise<void> => {
  const folder = join(root, 'Packages')
  await mkdir(folder, { recursive: true })
  for (const each of packages) await rpmPackage(folder, each)
  await runOrThrow('createrepo_c', ['--quiet', '--update', root])
}
