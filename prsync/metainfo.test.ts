import parseTorrent from 'parse-torrent'
import t from 'tap'
import type { ContentNumber, InfoHash } from '../core/ids.ts'
import { pieceIsRight, readBundle } from './bundle.ts'
import { layoutOf, placeOf } from './logic/layout.ts'
import { bundleMetainfo, magnetLink, parseMetainfo, singleFileMetainfo } from './metainfo.ts'
import { hashContent, makeContents } from './swarm-fixture.ts'

const KiB = 1024
const none = new Set<ContentNumber>()

t.test(
  'stock clients see a bundle as files and padding that begin at piece boundaries',
  async t => {
    const contents = makeContents([100 * KiB, 64 * KiB, 3, 70 * KiB], 64 * KiB)
    const { metainfo, infoHash } = bundleMetainfo(contents, 64 * KiB)
    const seen = (await parseTorrent(metainfo)) as {
      infoHash: string
      pieces: string[]
      files: { name: string; length: number; offset: number }[]
    }
    t.equal(seen.infoHash, infoHash)
    const files = seen.files.filter(file => /^[0-9a-f]{64}$/.test(file.name))
    t.strictSame(
      files.map(file => [file.name, file.length]),
      contents.map(content => [content.sha256, content.sizeBytes]),
    )
    t.ok(files.every(file => file.offset % (64 * KiB) === 0))
    t.equal(seen.files.length, 6, 'no padding where none is needed, nor at the end')
    const total = seen.files.reduce((sum, file) => sum + file.length, 0)
    t.equal(seen.pieces.length, Math.ceil(total / (64 * KiB)))
  },
)

t.test('a bundle read back has its members, and its hashes fit pieces without padding', async t => {
  const contents = makeContents([100 * KiB, 64 * KiB, 3, 600 * KiB + 1], 64 * KiB)
  const { metainfo, infoHash } = bundleMetainfo(contents, 64 * KiB)
  const bundle = readBundle(metainfo, infoHash, contents, none)
  for (let index = 0; index < bundle.layout.pieceCount; index++) {
    const { member, offset, lengthBytes } = placeOf(bundle.layout, index)
    const data = contents[member]?.bytes.subarray(offset, offset + lengthBytes) ?? Buffer.alloc(0)
    t.ok(await pieceIsRight(bundle, index, data))
    const bad = Buffer.from(data)
    bad[0] = (bad[0] ?? 0) ^ 1
    t.notOk(await pieceIsRight(bundle, index, bad))
  }
  t.notOk(await pieceIsRight(bundle, 0, Buffer.alloc(65 * KiB)))
})

t.test('large pieces are hashed right too', async t => {
  const contents = makeContents([1500 * KiB, 1200 * KiB], 1024 * KiB)
  const { metainfo, infoHash } = bundleMetainfo(contents, 1024 * KiB)
  const bundle = readBundle(metainfo, infoHash, contents, none)
  const tail = contents[0]?.bytes.subarray(1024 * KiB) ?? Buffer.alloc(0)
  t.ok(await pieceIsRight(bundle, 1, tail))
  t.notOk(await pieceIsRight(bundle, 0, tail))
})

t.test(
  'a file alone is an ordinary torrent, with its sources outside of the info-hash',
  async t => {
    const content = hashContent(Buffer.from('x'.repeat(150)), 1, 64)
    const plain = singleFileMetainfo({ ...content, name: 'a%20b%2B1.deb', pieceLengthBytes: 64 })
    const made = singleFileMetainfo({
      ...content,
      name: 'a%20b%2B1.deb',
      pieceLengthBytes: 64,
      announce: ['http://origin/-/announce', 'http://second/announce'],
      webSeeds: ['http://origin/a%20b%2B1.deb'],
    })
    t.equal(plain.infoHash, made.infoHash)
    const seen = (await parseTorrent(made.metainfo)) as Record<string, unknown>
    t.equal(seen.name, 'a b+1.deb')
    t.equal(seen.length, 150)
    t.strictSame(seen.announce, ['http://origin/-/announce', 'http://second/announce'])
    t.strictSame(seen.urlList, ['http://origin/a%20b%2B1.deb'])
    const odd = singleFileMetainfo({ ...content, name: 'caf%E9', pieceLengthBytes: 64 })
    t.strictSame(parseMetainfo(odd.metainfo).name, Buffer.from('caf\xe9', 'latin1'))
    const members = [{ ...content, number: 1 }]
    t.equal(readBundle(made.metainfo, made.infoHash, members, none).layout.pieceCount, 3)
  },
)

t.test('metainfo that does not fit its info-hash or members is refused', t => {
  const contents = makeContents([100, 200], 64)
  const { metainfo, infoHash } = bundleMetainfo(contents, 64)
  const [first, second] = contents
  const refused = { code: 'MS_MANIFEST_INVALID' }
  t.throws(() => readBundle(metainfo, 'f'.repeat(40) as InfoHash, contents, none), refused)
  t.throws(() => readBundle(metainfo, infoHash, contents.slice(1), none), refused)
  t.throws(() => readBundle(metainfo, infoHash, contents.toReversed(), none), refused)
  t.throws(() => singleFileMetainfo({ ...first, name: 'x', pieceLengthBytes: 128 } as never), {
    code: 'MS_INTERNAL',
  })
  t.equal(layoutOf(64, [first?.sizeBytes ?? 0, second?.sizeBytes ?? 0]).pieceCount, 6)
  const odd = ['', 'nonsense', 'i3e', 'le', 'd4:infoi1ee', 'd4:infod4:name1:aee', '4:abcd']
  for (const text of [...odd, 'l'.repeat(100_000)]) {
    t.throws(() => parseMetainfo(Buffer.from(text)), refused, text.slice(0, 20))
  }
  t.end()
})

t.test('a magnet link names file, size and sources', async t => {
  const infoHash = 'c'.repeat(40) as InfoHash
  const link = magnetLink({
    infoHash,
    name: 'a%20b%26c.iso',
    sizeBytes: 99,
    announce: ['http://o/-/announce?x=1&y=2'],
    webSeeds: ['http://o/a%20b%26c.iso'],
  })
  const seen = (await parseTorrent(link)) as Record<string, unknown>
  t.equal(seen.infoHash, infoHash)
  t.equal(seen.name, 'a b&c.iso')
  t.strictSame(seen.announce, ['http://o/-/announce?x=1&y=2'])
  t.strictSame(seen.urlList, ['http://o/a%20b%26c.iso'])
  t.match(link, /xl=99/)
})
