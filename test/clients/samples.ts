// What the clients of the matrix fetch: a repository of each kind, and a plain file, published once
// for all networks.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { missing } from '../../loadtest/programs.ts'
import { AptRepository } from '../../loadtest/sample/apt-repository.ts'
import { noise } from '../../loadtest/sample/noise.ts'
import { publishPacman } from '../../loadtest/sample/pacman-repository.ts'
import { publishRpms, rpmPrograms } from '../../loadtest/sample/rpm-repository.ts'

const payloadBytes = 400_000

/** The package of each repository. */
export const packageName = 'swarm-data'

export interface Samples {
  /** The folder to publish. */
  readonly root: string
  readonly keyring: string | null
  readonly suite: string
}

/** Make them in `folder`; repositories whose tools are missing are left out. */
export const makeSamples = async (folder: string): Promise<Samples> => {
  const root = join(folder, 'repository')
  mkdirSync(join(root, 'deb'), { recursive: true })
  mkdirSync(join(root, 'rpm'))
  writeFileSync(join(root, 'file.bin'), noise('file', payloadBytes))
  const packages = [{ name: packageName, version: '1.0', payloadBytes }]
  const apt = missing('dpkg-deb', 'gpg')
    ? null
    : await AptRepository.create(join(root, 'deb'), folder, packages)
  apt?.close()
  if (!missing(...rpmPrograms)) await publishRpms(join(root, 'rpm'), packages)
  if (!missing('tar')) await publishPacman(join(root, 'arch'), packages)
  return { root, keyring: apt?.keyring ?? null, suite: apt?.suite ?? 'stable' }
}
