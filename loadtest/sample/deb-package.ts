// Real Debian packages, built by dpkg-deb: the same specification gives the same bytes.

import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { plainEnvironment, runOrThrow } from '../programs.ts'
import { noise } from './noise.ts'

export interface PackageSpecification {
  readonly name: string
  readonly version: string
  /** Incompressible payload; two versions of a name share all but the last eighth. */
  readonly payloadBytes: number
  readonly depends?: readonly string[]
}

/** The payload of a package: what a new version keeps of the old one is a delta's chance. */
export const packagePayload = (specification: PackageSpecification): Buffer => {
  const { name, version, payloadBytes } = specification
  const changed = Math.ceil(payloadBytes / 8)
  return Buffer.concat([noise(name, payloadBytes - changed), noise(`${name} ${version}`, changed)])
}

/** The control stanza of a package, without the fields that only an index has. */
export const controlText = (specification: PackageSpecification): string => {
  const { name, version, payloadBytes, depends = [] } = specification
  return [
    `Package: ${name}`,
    `Version: ${version}`,
    'Architecture: all',
    'Maintainer: Mirrorswarm Sample <sample@example.org>',
    `Installed-Size: ${Math.ceil(payloadBytes / 1024)}`,
    ...(depends.length === 0 ? [] : [`Depends: ${depends.join(', ')}`]),
    'Section: misc',
    'Priority: optional',
    `Description: sample package ${name}`,
    ' It holds noise; installing it does nothing.',
    '',
  ].join('\n')
}

/** Build NAME_VERSION_all.deb in `folder` (which exists) and return its file name. */
export const debPackage = async (
  folder: string,
  specification: PackageSpecification,
): Promise<string> => {
  const { name, version } = specification
  const file = join(folder, `${name}_${version}_all.deb`)
  const work = `${file}.build`
  await mkdir(join(work, 'DEBIAN'), { recursive: true })
  await mkdir(join(work, 'usr/share', name), { recursive: true })
  try {
    await writeFile(join(work, 'DEBIAN/control'), controlText(specification))
    await writeFile(join(work, 'usr/share', name, 'payload'), packagePayload(specification))
    await runOrThrow('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z1', '--build', work, file], {
      env: plainEnvironment({ SOURCE_DATE_EPOCH: '1700000000' }),
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return file
}
