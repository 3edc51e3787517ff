import fc from 'fast-check'
import t from 'tap'
import { parseRelease } from './release.ts'
import { parseRepomd } from './repomd.ts'

const hash = (digit: string): string => digit.repeat(64)

const release = `Origin: Debian
Suite: stable
MD5Sum:
 0123456789abcdef0123456789abcdef 10 main/binary-amd64/Packages
SHA256:
 ${hash('a')}      157 main/binary-amd64/Packages
 ${hash('B')} 44 main/binary-amd64/Packages.gz
 not-a-hash 44 main/broken
 ${hash('c')} -5 main/negative
 ${hash('c')} 5
 ${hash('c')} 5 two words
SHA512:
 ${hash('d')}${hash('d')} 10 main/binary-amd64/Packages
`

const expected = [
  { path: 'main/binary-amd64/Packages', sizeBytes: 157, sha256: hash('a') },
  { path: 'main/binary-amd64/Packages.gz', sizeBytes: 44, sha256: hash('b') },
]

t.test('the SHA256 section of a Release file', async t => {
  t.same(parseRelease(release), expected)
  t.same(parseRelease(release.replaceAll('\n', '\r\n')), expected)
  t.same(parseRelease('Archive: stable\nComponent: main\n'), [])
})

t.test('an InRelease names what its signed part names', async t => {
  const signed = `-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA512

${release.replace('Suite', '- Suite')}-----BEGIN PGP SIGNATURE-----

SHA256:
 ${hash('e')} 1 from/the/signature
-----END PGP SIGNATURE-----
`
  t.same(parseRelease(signed), expected)
})

const repomd = `<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo">
  <revision>1700000000</revision>
  <data type="primary">
    <checksum type="sha256">${hash('a')}</checksum>
    <open-checksum type="sha256">${hash('f')}</open-checksum>
    <location href="repodata/${hash('a')}-primary.xml.gz"/>
    <timestamp>1700000000</timestamp>
    <size>1234</size>
    <open-size>99999</open-size>
  </data>
  <data type="other">
    <open-checksum type="sha256">${hash('f')}</open-checksum>
    <checksum type="sha">0123456789012345678901234567890123456789</checksum>
    <location href='repodata/a&amp;b.xml'/>
  </data>
  <data type="elsewhere">
    <checksum type="sha256">${hash('c')}</checksum>
    <location xml:base="https://example.org/" href="repodata/x.xml"/>
  </data>
  <data type="placeless"><size>5</size></data>
</repomd>
`

t.test('the metadata files of a repomd.xml', async t => {
  t.same(parseRepomd(repomd), [
    { path: `repodata/${hash('a')}-primary.xml.gz`, sizeBytes: 1234, sha256: hash('a') },
    { path: 'repodata/a&b.xml', sizeBytes: null, sha256: null },
  ])
})

t.test('any text is parsed without harm', async () => {
  const pieces = fc.array(
    fc.constantFrom(...release.split(/(?<=\s)/), ...repomd.split(/(?<=[\s>])/), '<data', '</data>'),
    { maxLength: 200 },
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        pieces.map(parts => parts.join('')),
      ),
      text =>
        [...parseRelease(text), ...parseRepomd(text)].every(
          file => typeof file.path === 'string' && (file.sizeBytes ?? 0) >= 0,
        ),
    ),
  )
})

t.test('text made to be slow is not', async t => {
  const startedMs = performance.now()
  parseRepomd(`<data>${'<location '.repeat(200_000)}</data>`)
  parseRepomd('<data'.repeat(400_000))
  parseRepomd(`${'<data><location href="'.repeat(50_000)}</data>`)
  parseRelease(`SHA256:\n${' '.repeat(2_000_000)}`)
  parseRelease(`-----BEGIN PGP SIGNED MESSAGE-----${'\n- '.repeat(500_000)}`)
  const tookMs = performance.now() - startedMs
  t.ok(tookMs < 5000, `${Math.round(tookMs)} ms`)
})
