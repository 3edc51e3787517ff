import fc from 'fast-check'
import t from 'tap'
import { pathFromBytes } from '../../core/repo-path.ts'
import { type ManifestRecord, type PartHeader, parseHeader, parseRecord } from './records.ts'

const header: PartHeader = {
  type: 'difference',
  repository: 'ab'.repeat(32) as never,
  epoch: 1,
  from: 4,
  to: 5,
  contents: 100,
  snapshot: {
    ...{ createdMs: 1, files: 2, links: 3, bytes: 4 },
    ...{ uniqueBytes: 5, added: 6, changed: 7, removed: 8 },
  },
}

const hex = (digits: number) =>
  fc
    .uint8Array({ minLength: digits / 2, maxLength: digits / 2 })
    .map(bytes => Buffer.from(bytes).toString('hex'))
const number = fc.integer({ min: 0, max: 99 })
const segment = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map(bytes => bytes.map(byte => (byte === 0 || byte === 0x2f ? 0x61 : byte)))
  .map(pathFromBytes)
  .filter(text => text !== '.' && text !== '..' && text !== '-')
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map(parts => parts.join('/'))

const record = fc.oneof(
  fc.record({
    type: fc.constant('content'),
    n: number,
    sha256: hex(64),
    size: fc.maxSafeNat(),
    sha1: hex(40),
    md5: hex(32),
    md4: hex(32),
    modified: fc.maxSafeInteger(),
    first: fc.integer({ min: 1, max: 5 }),
  }),
  fc.record({ type: fc.constant('file'), path, content: number }),
  fc.record({ type: fc.constant('link'), path, target: segment }),
  fc.record({ type: fc.constant('gone'), path }),
  fc.record({
    type: fc.constant('bundle'),
    n: fc.nat(),
    infoHash: hex(40),
    metainfo: hex(64),
    pieceLength: fc.integer({ min: 1, max: 2 ** 30 }),
    members: fc.uniqueArray(number, { minLength: 1, maxLength: 20 }),
  }),
) as fc.Arbitrary<ManifestRecord>

t.test('a record comes back from its line as it was, with a newcomer’s fields ignored', async t => {
  fc.assert(
    fc.property(record, one => {
      t.same(parseRecord(JSON.stringify(one), header), one)
      t.same(parseRecord(JSON.stringify({ ...one, novelty: { deep: [1] } }), header), one)
    }),
    { numRuns: 60 },
  )
  t.same(parseHeader(JSON.stringify({ ...header, novelty: 1 })), header)
  const { from, ...rest } = header
  t.equal(from, 4)
  t.same(parseHeader(JSON.stringify({ ...rest, type: 'segment' })), { ...rest, type: 'segment' })
})

t.test('any value in any field is either understood or refused by its code', async () => {
  const refusal = (work: () => unknown): boolean => {
    try {
      work()
      return true
    } catch (error) {
      return error instanceof Error && 'code' in error && error.code === 'MS_MANIFEST_INVALID'
    }
  }
  fc.assert(
    fc.property(record, fc.nat(), fc.jsonValue(), (one, index, value) => {
      const names = Object.keys(one)
      const name = names[index % names.length] ?? 'type'
      return refusal(() => parseRecord(JSON.stringify({ ...one, [name]: value }), header))
    }),
    { numRuns: 500 },
  )
  fc.assert(fc.property(fc.string(), line => refusal(() => parseRecord(line, header))))
  fc.assert(fc.property(fc.json(), line => refusal(() => parseHeader(line))))
})

t.test('numbers beyond what the header allows are refused', async t => {
  const bad: object[] = [
    { type: 'file', path: 'a', content: 100 },
    { type: 'file', path: 'a', content: -1 },
    { type: 'file', path: 'a', content: 0.5 },
    { type: 'file', path: 'a', content: '1' },
    { type: 'file', path: '.mirrorswarm/x', content: 1 },
    { type: 'file', path: '', content: 1 },
    {
      type: 'bundle',
      n: 0,
      infoHash: 'a'.repeat(40),
      metainfo: 'a'.repeat(64),
      pieceLength: 1,
      members: [],
    },
    {
      type: 'bundle',
      n: 0,
      infoHash: 'a'.repeat(40),
      metainfo: 'a'.repeat(64),
      pieceLength: 1,
      members: [1, 1],
    },
    {
      type: 'bundle',
      n: 0,
      infoHash: 'a'.repeat(40),
      metainfo: 'a'.repeat(64),
      pieceLength: 1,
      members: [100],
    },
    {
      type: 'bundle',
      n: 0,
      infoHash: 'a'.repeat(40),
      metainfo: 'a'.repeat(64),
      pieceLength: 0,
      members: [1],
    },
  ]
  for (const fields of bad) {
    const line = JSON.stringify(fields)
    t.throws(() => parseRecord(line, header), { code: 'MS_MANIFEST_INVALID' }, line)
  }
  const gone = JSON.stringify({ type: 'gone', path: 'a' })
  t.throws(() => parseRecord(gone, { ...header, type: 'segment' }), { code: 'MS_MANIFEST_INVALID' })
})
