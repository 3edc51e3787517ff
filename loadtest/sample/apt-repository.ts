// A small, real, signed apt repository that can publish new versions: pool first, then by-hash and
// the indexes, InRelease last, as archives do.

import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'
import { sha256Hex } from '../../core/keys.ts'
import { temporaryFolder } from '../leftovers.ts'
import { findProgram, runOrThrow } from '../programs.ts'
import { controlText, debPackage, type PackageSpecification } from './deb-package.ts'
import { createGpgKey, type GpgKey } from './gpg-key.ts'

/** Several packages with a dependency, one of them in two versions; about 6 MB. */
export const samplePackages: readonly PackageSpecification[] = [
  { name: 'libswarm1', version: '1.0', payloadBytes: 700_000 },
  { name: 'swarm-data', version: '2.3-1', payloadBytes: 4_000_000 },
  { name: 'swarm-doc', version: '1.0', payloadBytes: 60_000 },
  { name: 'swarm-hello', version: '1.0', payloadBytes: 300_000, depends: ['libswarm1'] },
  {
    name: 'swarm-hello',
    version: '1.1',
    payloadBytes: 300_000,
    depends: ['libswarm1', 'swarm-doc'],
  },
]

interface PublishedPackage {
  readonly file: string
  readonly stanza: string
}

export class AptRepository {
  readonly root: string
  readonly suite: string
  /** The public key ring for signed-by; null when gpg is missing and nothing is signed. */
  readonly keyring: string | null
  readonly #key: GpgKey | null
  readonly #packages: PublishedPackage[] = []

  private constructor(root: string, suite: string, key: GpgKey | null, keyring: string | null) {
    this.root = root
    this.suite = suite
    this.#key = key
    this.keyring = keyring
  }

  /** Make one in `root`; needs dpkg-deb, and signs when gpg is there. The key ring lies in `keyFolder`. */
  static async create(
    root: string,
    keyFolder: string,
    packages: readonly PackageSpecification[] = samplePackages,
  ): Promise<AptRepository> {
    const key = findProgram('gpg') === null ? null : await createGpgKey()
    const keyring = key === null ? null : join(keyFolder, 'sample-keyring.gpg')
    if (key !== null && keyring !== null) await key.exportTo(keyring)
    const repository = new AptRepository(root, 'stable', key, keyring)
    await repository.publish(packages)
    return repository
  }

  /** Files of all packages, in the order of publication. */
  get files(): readonly string[] {
    return this.#packages.map(each => each.file)
  }

  /** Add packages (new names or versions), rewrite the indexes and sign again. */
  async publish(packages: readonly PackageSpecification[]): Promise<void> {
    for (const each of packages) this.#packages.push(await this.#addToPool(each))
    // Each stanza ends with an empty line, the last one too: debootstrap needs it.
    const index = this.#packages.map(each => `${each.stanza}\n`).join('')
    const folder = join(this.root, 'dists', this.suite, 'main/binary-amd64')
    await mkdir(join(folder, 'by-hash/SHA256'), { recursive: true })
    const indexes = new Map<string, Buffer>([
      ['Packages', Buffer.from(index)],
      ['Packages.gz', gzipSync(index, { level: 9 })],
    ])
    if (findProgram('xz') !== null) indexes.set('Packages.xz', await compressXz(index))
    const lines: string[] = []
    for (const [name, bytes] of indexes) {
      const sha256 = sha256Hex(bytes)
      await replaceFile(join(folder, 'by-hash/SHA256', sha256), bytes)
      await replaceFile(join(folder, name), bytes)
      lines.push(` ${sha256} ${bytes.length} main/binary-amd64/${name}`)
    }
    await this.#writeRelease(lines)
  }

  close(): void {
    this.#key?.close()
  }

  async #addToPool(specification: PackageSpecification): Promise<PublishedPackage> {
    const { name } = specification
    const prefix = name.startsWith('lib') ? name.slice(0, 4) : name.slice(0, 1)
    const folder = join(this.root, 'pool/main', prefix, name)
    await mkdir(folder, { recursive: true })
    const file = await debPackage(folder, specification)
    const bytes = await readFile(file)
    const stanza = [
      controlText(specification).trimEnd(),
      `Filename: ${relative(this.root, file)}`,
      `Size: ${bytes.length}`,
      `MD5sum: ${createHash('md5').update(bytes).digest('hex')}`,
      `SHA256: ${sha256Hex(bytes)}`,
      '',
    ].join('\n')
    return { file, stanza }
  }

  async #writeRelease(lines: readonly string[]): Promise<void> {
    const folder = join(this.root, 'dists', this.suite)
    const text = [
      'Origin: Mirrorswarm Sample',
      'Label: Mirrorswarm Sample',
      `Suite: ${this.suite}`,
      `Codename: ${this.suite}`,
      `Date: ${new Date().toUTCString()}`,
      'Architectures: amd64',
      'Components: main',
      'Acquire-By-Hash: yes',
      'SHA256:',
      ...lines,
      '',
    ].join('\n')
    if (this.#key === null) {
      await replaceFile(join(folder, 'Release'), Buffer.from(text))
      return
    }
    const work = temporaryFolder('release')
    try {
      const release = join(work.path, 'Release')
      await writeFile(release, text)
      await this.#key.detachSign(release, join(work.path, 'Release.gpg'))
      await this.#key.clearSign(release, join(work.path, 'InRelease'))
      for (const name of ['Release', 'Release.gpg', 'InRelease']) {
        await replaceFile(join(folder, name), await readFile(join(work.path, name)))
      }
    } finally {
      work.remove()
    }
  }
}

const compressXz = async (text: string): Promise<Buffer> => {
  const work = temporaryFolder('xz')
  try {
    await writeFile(join(work.path, 'Packages'), text)
    await runOrThrow('xz', ['-9', 'Packages'], { cwd: work.path })
    return await readFile(join(work.path, 'Packages.xz'))
  } finally {
    work.remove()
  }
}

// Archives replace their indexes by rename, so that no reader meets half a file.
const replaceFile = async (file: string, bytes: Buffer): Promise<void> => {
  const temporary = join(dirname(file), `.${basename(file)}.new`)
  await writeFile(temporary, bytes)
  await rename(temporary, file)
}
