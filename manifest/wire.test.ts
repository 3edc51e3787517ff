import { randomBytes } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import type { RepoPath } from '../core/ids.ts'
import { manifestSegmentBytes } from '../core/limits.ts'
import type { ManifestRecord, PartHeader } from './logic/records.ts'
import { ObjectStore } from './objects.ts'
import { decodePart, storeParts } from './wire.ts'

const header: PartHeader = {
  type: 'difference',
  repository: 'ab'.repeat(32) as never,
  epoch: 1,
  from: 0,
  to: 1,
  contents: 1,
  snapshot: {
    ...{ createdMs: 1_700_000_000_000, files: 1, links: 1, bytes: 3 },
    ...{ uniqueBytes: 3, added: 2, changed: 0, removed: 0 },
  },
}

const records: ManifestRecord[] = [
  {
    type: 'content',
    n: 0,
    sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' as never,
    size: 3,
    sha1: 'a9993e364706816aba3e25717850c26c9cd0d89d',
    md5: '900150983cd24fb0d6963f7d28e17f72',
    md4: 'a448017aaf21d8525fc10ae87aa6729d',
    modified: 1_600_000_000,
    first: 1,
  },
  {
    type: 'bundle',
    n: 0,
    infoHash: '0123456789abcdef0123456789abcdef01234567' as never,
    metainfo: 'cd'.repeat(32) as never,
    pieceLength: 65_536,
    members: [0],
  },
  { type: 'file', path: 'pool/a%20b.deb' as RepoPath, content: 0 },
  { type: 'link', path: 'latest' as RepoPath, target: 'pool/a%20b.deb' },
]

/** The format as it travels: changing it needs a new protocol version. */
const golden = `{"type":"difference","repository":"${'ab'.repeat(32)}","epoch":1,"from":0,"to":1,"contents":1,"snapshot":{"createdMs":1700000000000,"files":1,"links":1,"bytes":3,"uniqueBytes":3,"added":2,"changed":0,"removed":0}}
{"type":"content","n":0,"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","size":3,"sha1":"a9993e364706816aba3e25717850c26c9cd0d89d","md5":"900150983cd24fb0d6963f7d28e17f72","md4":"a448017aaf21d8525fc10ae87aa6729d","modified":1600000000,"first":1}
{"type":"bundle","n":0,"infoHash":"0123456789abcdef0123456789abcdef01234567","metainfo":"${'cd'.repeat(32)}","pieceLength":65536,"members":[0]}
{"type":"file","path":"pool/a%20b.deb","content":0}
{"type":"link","path":"latest","target":"pool/a%20b.deb"}
{"type":"end","records":4}
`

/** What the stored parts hold, inflated. */
const texts = async (t: Test, records: readonly ManifestRecord[]): Promise<string[]> => {
  const objects = new ObjectStore(t.testdir())
  const parts = await storeParts(objects, header, records)
  const read = parts.map(async part => (await objects.read(part.sha256)) ?? Buffer.alloc(0))
  return (await Promise.all(read)).map(bytes => gunzipSync(bytes).toString())
}

t.test('a part has the documented form', async t => {
  t.same(await texts(t, records), [golden])
  const decoded = await decodePart(gzipSync(golden))
  t.same(decoded.header, header)
  t.same([...decoded.records], records)
})

t.test('no records make one part that says so', async t => {
  const [text, ...more] = await texts(t, [])
  t.same(more, [])
  t.same([...(await decodePart(gzipSync(text ?? ''))).records], [])
})

t.test('many records are cut into parts that stay below the limit, and none is lost', async t => {
  const many = Array.from({ length: 60_000 }, (_, index): ManifestRecord => {
    const path = `${index}/${randomBytes(60).toString('base64url')}` as RepoPath
    return { type: 'file', path, content: 0 }
  })
  const objects = new ObjectStore(t.testdir())
  const parts = await storeParts(objects, header, many)
  t.ok(parts.length > 1, `${parts.length} parts`)
  const found: ManifestRecord[] = []
  for (const part of parts) {
    const bytes = (await objects.read(part.sha256)) ?? Buffer.alloc(0)
    t.equal(bytes.length, part.sizeBytes)
    t.ok(bytes.length <= manifestSegmentBytes)
    const { header: each, records } = await decodePart(bytes)
    t.same(each, header)
    found.push(...records)
  }
  t.equal(found.length, many.length)
  t.ok(found.every((one, index) => JSON.stringify(one) === JSON.stringify(many[index])))
})

t.test('what follows the end, and what comes without one, is refused', async t => {
  for (const text of [`${golden}{"type":"end","records":4}\n`, golden.slice(0, -1), '', '{}\n']) {
    const read = async () => [...(await decodePart(gzipSync(text))).records]
    await t.rejects(read(), { code: 'MS_MANIFEST_INVALID' }, text.slice(-30))
  }
  await t.rejects(decodePart(Buffer.from('no gzip')), { code: 'MS_MANIFEST_INVALID' })
  await t.rejects(decodePart(Buffer.alloc(manifestSegmentBytes + 1)), {
    code: 'MS_MANIFEST_INVALID',
  })
})
