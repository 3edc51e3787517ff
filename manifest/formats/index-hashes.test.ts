import fc from 'fast-check'
import t from 'tap'
import { ControlHashes, type HashReader, PrimaryHashes } from './index-hashes.ts'

const a = 'a1'.repeat(32)
const b = 'b2'.repeat(32)
const c = 'c3'.repeat(32)

const packages = `Package: hello
Filename: pool/hello.deb
MD5sum: ${'0'.repeat(32)}
SHA256: ${a}
Description: mentions
 SHA256: ${c}

Package: world
SHA256: ${b.toUpperCase()}
SHA256: short
`

const sources = `Package: hello
Checksums-Sha1:
 ${'0'.repeat(40)} 12 hello.dsc
Checksums-Sha256:
 ${a} 12 hello.dsc
 ${b} 34 hello.tar.xz
Files:
 ${c} 12 is no hash of ours`

const primary = `<metadata><package type="rpm"><checksum type="sha256" pkgid="YES">${a}</checksum>
<checksum type="sha">${c}</checksum><checksum pkgid='YES' type='sha256'>
${b} </checksum></package></metadata>`

const read = (reader: HashReader, text: string, cuts: readonly number[]): Set<string> => {
  const places = [0, ...cuts.map(cut => cut % text.length).toSorted((x, y) => x - y), text.length]
  const found = places.flatMap((start, index) =>
    reader.push(text.slice(start, places[index + 1] ?? start)),
  )
  return new Set([...found, ...reader.end()])
}

t.test('the hashes are the same however the index is cut', async t => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 20 }), cuts => {
      t.same(read(new ControlHashes(), packages, cuts), new Set([a, b]))
      t.same(read(new ControlHashes(), sources, cuts), new Set([a, b]))
      t.same(read(new PrimaryHashes(), primary, cuts), new Set([a, b]))
    }),
  )
})

t.test('what is no index names nothing, and costs no memory', async t => {
  for (const reader of [new ControlHashes(), new PrimaryHashes()]) {
    for (let part = 0; part < 100; part++) t.same(reader.push('x'.repeat(65_536)), [])
    t.same(reader.end(), [])
  }
})
