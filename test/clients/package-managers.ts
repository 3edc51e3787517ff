// Rows of the matrix: apt in three ways, dnf, zypper, pacman and debootstrap.

import { mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { AptClient } from '../../loadtest/clients/apt.ts'
import { DebootstrapClient } from '../../loadtest/clients/debootstrap.ts'
import { DnfClient, dnfUnusable } from '../../loadtest/clients/dnf.ts'
import { PacmanClient } from '../../loadtest/clients/pacman.ts'
import { ZypperClient } from '../../loadtest/clients/zypper.ts'
import { missing, type ProgramResult, unusableAsRoot } from '../../loadtest/programs.ts'
import { rpmPrograms } from '../../loadtest/sample/rpm-repository.ts'
import { hasRescueHosts } from './lane.ts'
import { type Client, patienceSeconds, type Row, type Scene } from './row.ts'
import { packageName } from './samples.ts'

const debPath = `deb/pool/main/s/${packageName}/${packageName}_1.0_all.deb`
const rpmPath = `rpm/Packages/${packageName}-1.0-1.noarch.rpm`
const archPath = `arch/${packageName}-1.0-1-any.pkg.tar.gz`

/** Run one step, and the next only if it succeeded. */
const both = async (
  first: () => Promise<ProgramResult>,
  second: () => Promise<ProgramResult>,
): Promise<ProgramResult> => {
  const result = await first()
  return result.status === 0 ? second() : result
}

const named = (files: readonly string[], path: string): string | null =>
  files.find(file => basename(file) === basename(path)) ?? null

const aptClient = (
  { folder, samples }: Scene,
  url: string,
  settings: Readonly<Record<string, string>> = {},
): Client => {
  mkdirSync(join(folder, 'apt'))
  const apt = new AptClient(join(folder, 'apt'), {
    url,
    suite: samples.suite,
    keyring: samples.keyring,
    settings: { 'Acquire::http::Timeout': String(patienceSeconds), ...settings },
  })
  return {
    path: debPath,
    run: options => {
      apt.runOptions = options
      return both(
        () => apt.update(),
        () => apt.download(packageName),
      )
    },
    file: () => named(apt.downloaded(), debPath),
  }
}

const aptMissing = (): string | false => missing('apt-get', 'dpkg-deb', 'gpg')

const dnfClient = ({ folder, url }: Scene): Client => {
  const more = [`timeout=${patienceSeconds}`]
  const dnf = new DnfClient(folder, `${url}/rpm`, more)
  return {
    path: rpmPath,
    run: options => {
      dnf.runOptions = options
      return dnf.download(packageName)
    },
    file: () => named(dnf.downloaded(), rpmPath),
  }
}

const zypperClient = ({ folder, url }: Scene): Client => {
  const seconds = ['connect', 'transfer'].map(
    name => `download.${name}_timeout = ${patienceSeconds}`,
  )
  const zypper = new ZypperClient(folder, `${url}/rpm`, seconds)
  return {
    path: rpmPath,
    run: options => {
      zypper.runOptions = options
      return both(
        () => zypper.refresh(),
        () => zypper.download(packageName),
      )
    },
    file: () => named(zypper.downloaded(), rpmPath),
  }
}

const pacmanClient = ({ folder, url }: Scene, servers: number): Client => {
  const pacman = new PacmanClient(folder, new Array<string>(servers).fill(`${url}/arch`))
  return {
    path: archPath,
    run: options => {
      pacman.runOptions = options
      return pacman.download(packageName)
    },
    file: () => named(pacman.downloaded(), archPath),
  }
}

const debootstrapClient = ({ folder, url, samples }: Scene): Client => {
  const debootstrap = new DebootstrapClient(folder, {
    url: `${url}/deb`,
    suite: samples.suite,
    keyring: samples.keyring,
    packages: [packageName],
    wgetrc: [`timeout = ${patienceSeconds}`, 'tries = 2'],
  })
  return {
    path: debPath,
    run: options => {
      debootstrap.runOptions = options
      return debootstrap.download()
    },
    file: () => named(debootstrap.downloaded(), debPath),
  }
}

export const packageManagers: readonly Row[] = [
  {
    name: 'apt',
    verifies: true,
    skip: aptMissing,
    make: scene => aptClient(scene, `${scene.url}/deb`),
  },
  {
    name: 'apt, `mirror+http`',
    verifies: true,
    skip: aptMissing,
    make: scene => aptClient(scene, `mirror+${scene.url}/-/mirrors/apt/deb`),
  },
  {
    name: 'apt, rescue names',
    verifies: true,
    lane: 'rescue',
    skip: () =>
      aptMissing() || (hasRescueHosts() ? false : 'needs root and unshare for its own /etc/hosts'),
    // It comes to the origin under the volunteer's name, without its line: who it is, this tells.
    make: scene =>
      aptClient(scene, `${scene.url}/deb`, { 'Acquire::http::User-Agent': scene.address }),
  },
  {
    name: 'dnf',
    verifies: true,
    skip: () => missing(...rpmPrograms) || dnfUnusable(),
    make: dnfClient,
  },
  {
    name: 'zypper',
    verifies: true,
    skip: () => missing(...rpmPrograms) || unusableAsRoot('zypper'),
    make: zypperClient,
  },
  {
    name: 'pacman',
    verifies: true,
    skip: () => missing('tar') || unusableAsRoot('pacman'),
    make: scene => pacmanClient(scene, 1),
  },
  {
    name: 'pacman, `Server` line twice',
    verifies: true,
    skip: () => missing('tar') || unusableAsRoot('pacman'),
    make: scene => pacmanClient(scene, 2),
  },
  {
    name: 'debootstrap',
    verifies: true,
    skip: () =>
      missing('dpkg-deb', 'gpg', 'wget', 'debootstrap') ||
      (process.getuid?.() === 0 ? false : 'debootstrap needs root'),
    make: debootstrapClient,
  },
]
