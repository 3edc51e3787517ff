// For tests: small repositories of several formats in one tree, all of whose indexes change with each
// version under the same names, and in which nothing of the version before is left.

import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Hex } from '../../core/keys.ts'

/** Larger than what is never redirected for its size alone. */
const indexBytes = 6000

const indexText = (name: string, version: number): string =>
  `${name} version ${version}\n`.repeat(Math.ceil(indexBytes / 20))

const replaceFile = async (file: string, text: string): Promise<void> => {
  await writeFile(`${file}.new`, text)
  await rename(`${file}.new`, file)
}

const emptied = async (folder: string): Promise<string> => {
  await mkdir(folder, { recursive: true })
  for (const name of await readdir(folder)) await rm(join(folder, name))
  return folder
}

const releaseText = (version: number, files: ReadonlyMap<string, string>, byHash: boolean) =>
  [
    `Codename: version-${version}`,
    ...(byHash ? ['Acquire-By-Hash: yes'] : []),
    'SHA256:',
    ...[...files].map(([name, text]) => ` ${sha256Hex(text)} ${text.length} ${name}`),
    '',
  ].join('\n')

const writeDists = async (root: string, version: number): Promise<void> => {
  const folder = join(root, 'dists/fast')
  const binary = join(folder, 'main/binary-amd64')
  await mkdir(join(folder, 'main/cnf'), { recursive: true })
  await mkdir(binary, { recursive: true })
  const files = new Map(
    ['main/binary-amd64/Packages', 'main/binary-amd64/Release', 'main/cnf/Commands-amd64'].map(
      name => [name, indexText(name, version)],
    ),
  )
  for (const [name, text] of files) await replaceFile(join(folder, name), text)
  const packages = files.get('main/binary-amd64/Packages') ?? ''
  const byHash = await emptied(join(binary, 'by-hash/SHA256'))
  await writeFile(join(byHash, sha256Hex(packages)), packages)
  await replaceFile(join(folder, 'InRelease'), releaseText(version, files, true))
}

const writeFlat = async (root: string, version: number): Promise<void> => {
  const folder = join(root, 'flat')
  await mkdir(folder, { recursive: true })
  const packages = indexText('Packages', version)
  const release = releaseText(version, new Map([['Packages', packages]]), false)
  await replaceFile(join(folder, 'Packages'), packages)
  await replaceFile(join(folder, 'Release'), release)
  await replaceFile(join(folder, 'Release.gpg'), sha256Hex(release))
}

const writeRpm = async (root: string, version: number): Promise<void> => {
  const folder = await emptied(join(root, 'rpm/repodata'))
  const data: string[] = []
  for (const [type, isNamedByHash] of [
    ['primary', true],
    ['filelists', false],
  ] as const) {
    const text = indexText(type, version)
    const sha256 = sha256Hex(text)
    const name = isNamedByHash ? `${sha256}-${type}.xml` : `${type}.xml`
    await writeFile(join(folder, name), text)
    data.push(
      `<data type="${type}"><checksum type="sha256">${sha256}</checksum>` +
        `<location href="repodata/${name}"/><size>${text.length}</size></data>`,
    )
  }
  const repomd =
    '<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo">' +
    `<revision>${version}</revision>${data.join('')}</repomd>\n`
  await replaceFile(join(folder, 'repomd.xml'), repomd)
  await replaceFile(join(folder, 'repomd.xml.asc'), sha256Hex(repomd))
}

const writePacman = async (root: string, version: number): Promise<void> => {
  const folder = join(root, 'core/os/x86_64')
  await mkdir(folder, { recursive: true })
  const database = indexText('core.db', version)
  await replaceFile(join(folder, 'core.db'), database)
  await replaceFile(join(folder, 'core.db.sig'), sha256Hex(database))
}

/** Bring all of them to a version. */
export const writeVersion = async (root: string, version: number): Promise<void> => {
  await writeDists(root, version)
  await writeFlat(root, version)
  await writeRpm(root, version)
  await writePacman(root, version)
}
