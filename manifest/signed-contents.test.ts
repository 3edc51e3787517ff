import { randomBytes } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import t from 'tap'
import type { RepoPath, Sha256 } from '../core/ids.ts'
import { sha256Hex } from '../core/keys.ts'
import { redirectFloorBytes } from '../core/limits.ts'
import { put, repository, type TestRepository } from './fixtures/test-repository.ts'
import { collectSigned } from './signed-contents.ts'

const signed = (text: string): string =>
  `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${text}-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n`

const line = (data: string | Buffer, path: string): string =>
  ` ${sha256Hex(Buffer.from(data))} ${data.length} ${path}\n`

const release = (files: readonly (readonly [string | Buffer, string])[]): string =>
  `Origin: Test\nSHA256:\n${files.map(([data, path]) => line(data, path)).join('')}`

const packagesOf = (...packages: readonly string[]): string =>
  packages.map(data => `Package: x\nSHA256: ${sha256Hex(Buffer.from(data))}\n`).join('\n')

/** Publish, and the paths whose contents signed indexes name. */
const collect = async (
  made: TestRepository,
  known = new Map<Sha256, Uint32Array>(),
  before: () => void = () => undefined,
) => {
  let indexes: readonly RepoPath[] = []
  const { snapshot } = await made.publish({
    onIndexes: paths => {
      indexes = paths
    },
  })
  before()
  const found = new Set<number>()
  const problems: string[] = []
  const { root, reader, kept } = made
  await collectSigned(
    {
      ...{ root, reader, kept, indexes, known, snapshot: snapshot.number },
      signal: new AbortController().signal,
      onProblem: (path, reason) => problems.push(`${path} ${reason}`),
    },
    content => found.add(content),
  )
  const paths = [...found].flatMap(number => made.reader.pathsOf(number, snapshot.number))
  return { paths: paths.toSorted(), problems }
}

t.test('packages that a clear-signed Release leads to are covered, in every form', async t => {
  const made = repository(t)
  const forms = [
    ['main', 'Packages', Buffer.from(packagesOf('one', 'gone'))],
    ['gz', 'Packages.gz', gzipSync(packagesOf('two'))],
    ['zst', 'Sources.zst', zstdCompressSync(`Checksums-Sha256:\n${line('three', 'x.dsc')}`)],
    ['xz', 'Packages.xz', Buffer.from('not read')],
  ] as const
  for (const [folder, name, data] of forms) put(made, `dists/s/${folder}/${name}`, data)
  for (const data of ['one', 'two', 'three', 'four']) put(made, `pool/${data}.deb`, data)
  const named = forms.map(([folder, name, data]) => [data, `${folder}/${name}`] as const)
  put(made, 'dists/s/InRelease', signed(release(named)))
  const { paths, problems } = await collect(made)
  t.strictSame(paths, [
    'dists/s/gz/Packages.gz',
    'dists/s/main/Packages',
    'dists/s/xz/Packages.xz',
    'dists/s/zst/Sources.zst',
    'pool/one.deb',
    'pool/three.deb',
    'pool/two.deb',
  ])
  t.strictSame(problems, [])
})

t.test('a Release counts with its signature beside it, and not without', async t => {
  const made = repository(t)
  const packages = packagesOf('one')
  put(made, 'dists/s/main/Packages', packages)
  put(made, 'pool/one.deb', 'one')
  put(made, 'dists/s/Release', release([[packages, 'main/Packages']]))
  put(made, 'dists/s/InRelease', release([[packages, 'main/Packages']]))
  t.strictSame((await collect(made)).paths, [], 'an InRelease without signature is none')
  put(made, 'dists/s/Release.gpg', 'signature')
  t.strictSame((await collect(made)).paths, ['dists/s/main/Packages', 'pool/one.deb'])
})

t.test('rpm packages are covered when repomd.xml has a signature beside it', async t => {
  const made = repository(t)
  const primary = gzipSync(
    `<checksum type="sha256" pkgid="YES">${sha256Hex(Buffer.from('one'))}</checksum>`,
  )
  put(made, 'r/repodata/1-primary.xml.gz', primary)
  put(made, 'r/one.rpm', 'one')
  put(
    made,
    'r/repodata/repomd.xml',
    `<repomd><data type="primary"><checksum type="sha256">${sha256Hex(primary)}</checksum>` +
      '<location href="repodata/1-primary.xml.gz"/></data></repomd>',
  )
  t.strictSame((await collect(made)).paths, [])
  put(made, 'r/repodata/repomd.xml.asc', 'signature')
  t.strictSame((await collect(made)).paths, ['r/one.rpm', 'r/repodata/1-primary.xml.gz'])
})

t.test('an index that is not the published one any more, or is broken, names nothing', async t => {
  const made = repository(t)
  const noise = randomBytes(redirectFloorBytes).toString('hex')
  const named = sha256Hex(Buffer.from('one'))
  const primary = gzipSync(`<checksum type="sha256">${named}</checksum>${noise}`)
  const broken = Buffer.from('no gzip at all')
  const file = put(made, 'r/repodata/1-primary.xml.gz', primary)
  put(made, 'r/repodata/2-primary.xml.gz', broken)
  put(made, 'r/one.rpm', 'one')
  put(made, 'r/repodata/repomd.xml.asc', 'signature')
  const data = [primary, broken].map(
    (bytes, index) =>
      `<data><checksum type="sha256">${sha256Hex(bytes)}</checksum>` +
      `<location href="repodata/${index + 1}-primary.xml.gz"/></data>`,
  )
  put(made, 'r/repodata/repomd.xml', `<repomd>${data.join('')}</repomd>`)
  const other = gzipSync(`<checksum type="sha256">${'0'.repeat(64)}</checksum>`)
  const { paths, problems } = await collect(made, new Map(), () => writeFileSync(file, other))
  t.strictSame(paths, ['r/repodata/1-primary.xml.gz', 'r/repodata/2-primary.xml.gz'])
  t.match(problems, [/is not the file any more/, /cannot be read as an index/])
})

t.test('what an index names is remembered only when all of it is there', async t => {
  const made = repository(t)
  const packages = packagesOf('one', 'two')
  put(made, 'dists/s/main/Packages', packages)
  put(made, 'dists/s/InRelease', signed(release([[packages, 'main/Packages']])))
  put(made, 'pool/one.deb', 'one')
  const known = new Map<Sha256, Uint32Array>()
  t.strictSame((await collect(made, known)).paths, ['dists/s/main/Packages', 'pool/one.deb'])
  t.equal(known.size, 0)
  put(made, 'pool/two.deb', 'two')
  const all = ['dists/s/main/Packages', 'pool/one.deb', 'pool/two.deb']
  t.strictSame((await collect(made, known)).paths, all)
  t.equal(known.size, 1)
  const remembered = await collect(made, known, () =>
    rmSync(join(made.root, 'dists/s/main/Packages')),
  )
  t.strictSame(remembered.paths, all, 'it is not read again')
})
