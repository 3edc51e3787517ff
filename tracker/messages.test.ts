import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { isMirrorswarmError, MirrorswarmError } from '../core/errors.ts'
import { announceBodyBytes } from '../core/limits.ts'
import { decodeAnnounce, encodeAnnounce } from './announce-body.ts'
import { parseAnnounceAnswer, parseAnnounceRequest } from './messages.ts'

const repositoryId = 'ab'.repeat(32)
const request = {
  version: 1,
  session: 'Fh3_x',
  sequence: 4,
  manifest: { repositoryId, epoch: 1, snapshot: 12 },
  peerPort: 6881,
  holdings: { base: 3, version: 4, containers: [{ index: 0, kind: 'full' }] },
  sync: {
    state: 'syncing',
    wantedFiles: 2,
    wantedBytes: 3,
    heldFiles: 1,
    heldBytes: 1,
    torrents: [{ infoHash: 'cd'.repeat(20), pieces: 9, have: 3 }],
  },
  load: { clientBytesPerSecond: 1.5, syncBytesPerSecond: 0, activeClients: 2 },
  limits: { uploadBytesPerSecond: null, maxClients: 10 },
  draining: false,
  reasons: ['outside its hours (20:00–07:00)'],
  seen: null,
  waitMs: 30_000,
}
const withContainers = (...containers: unknown[]) => ({
  ...request,
  holdings: { base: null, version: 1, containers },
})

const refused = (t: Test, value: unknown, reason: RegExp): void => {
  try {
    parseAnnounceRequest(value)
    t.fail(`accepted what should fail with ${reason}`)
  } catch (error) {
    t.ok(isMirrorswarmError(error, 'MS_REQUEST_INVALID'))
    t.match((error as Error).message, reason)
  }
}

t.test('a correct announce passes, with fields that are not known yet', async t => {
  t.equal(parseAnnounceRequest(request).sequence, 4)
  const newer = { ...request, colour: 'blue', load: { ...request.load, gpu: 1 } }
  t.equal(parseAnnounceRequest(newer).load.activeClients, 2)
})

t.test('known fields are checked, and the reason says which one is wrong', async t => {
  refused(t, null, /announce: .*object/)
  refused(t, { ...request, version: 2 }, /version/)
  refused(t, { ...request, session: 'x'.repeat(65) }, /session/)
  refused(t, { ...request, session: 'line\nbreak' }, /session/)
  refused(t, { ...request, sequence: 1.5 }, /sequence/)
  refused(t, { ...request, peerPort: 70_000 }, /peerPort/)
  refused(t, { ...request, waitMs: -1 }, /waitMs/)
  refused(t, { ...request, reasons: ['\u001b[31m'] }, /reasons/)
  refused(t, { ...request, reasons: Array.from({ length: 17 }, () => 'x') }, /reasons/)
  refused(t, { ...request, load: { ...request.load, clientBytesPerSecond: -1 } }, /load/)
  refused(t, { ...request, manifest: { repositoryId: 'AB', epoch: 1, snapshot: 1 } }, /repository/)
  refused(t, { ...request, manifest: null }, /holdings need the manifest/)
  refused(t, { ...request, holdings: { base: 5, version: 4, containers: [] } }, /older/)
  const twice = [request.sync.torrents[0], request.sync.torrents[0]]
  refused(t, { ...request, sync: { ...request.sync, torrents: twice } }, /twice/)
  const more = [{ infoHash: 'cd'.repeat(20), pieces: 1, have: 2 }]
  refused(t, { ...request, sync: { ...request.sync, torrents: more } }, /more pieces/)
})

t.test('containers are bounded in number, index, bitmap and ranges', async t => {
  refused(t, withContainers({ index: 1024, kind: 'full' }), /index/)
  refused(t, withContainers({ index: -1, kind: 'full' }), /index/)
  refused(t, withContainers({ index: 0, kind: 'roaring' }), /kind/)
  refused(t, withContainers({ index: 0, kind: 'bitmap', bits: 'A'.repeat(10_928) }), /bits/)
  for (const bits of ['A*==', 'AA', 'AA=A', 'AA A', 'AAAA====']) {
    refused(t, withContainers({ index: 0, kind: 'bitmap', bits }), /bitmap of container 0/)
  }
  refused(t, withContainers({ index: 0, kind: 'full' }, { index: 0, kind: 'empty' }), /twice/)
  const change = (add: unknown[]) => withContainers({ index: 0, kind: 'change', add, remove: [] })
  refused(t, change([[65_000, 1000]]), /ends outside/)
  refused(t, change([[0, 0]]), /add/)
  refused(t, change([[0]]), /add/)
  refused(t, change(Array.from({ length: 1025 }, (_, k) => [k * 2, 1])), /add/)
  const many = Array.from({ length: 1025 }, (_, index) => ({ index: index % 1024, kind: 'full' }))
  refused(t, withContainers(...many), /containers/)
})

t.test('whatever comes in, the answer is a typed error or a request', async t => {
  const mutated = fc.tuple(fc.constantFrom(...Object.keys(request)), fc.jsonValue())
  fc.assert(
    fc.property(
      fc.oneof(
        fc.jsonValue(),
        mutated.map(([k, v]) => ({ ...request, [k]: v })),
      ),
      v => {
        try {
          parseAnnounceRequest(v)
        } catch (error) {
          if (!(error instanceof MirrorswarmError) || error.message.length > 400) throw error
        }
      },
    ),
    { numRuns: 300 },
  )
  t.pass('no other exception')
})

t.test('bodies round-trip, small ones as they are and large ones compressed', async t => {
  const small = await encodeAnnounce(parseAnnounceRequest(request))
  t.notOk('content-encoding' in small.headers)
  t.strictSame(await decodeAnnounce(small.body, undefined), request)

  const large = withContainers({ index: 0, kind: 'bitmap', bits: 'AQID'.repeat(2000) })
  const encoded = await encodeAnnounce(parseAnnounceRequest(large))
  t.equal(encoded.headers['content-encoding'], 'gzip')
  t.ok(encoded.body.length < 2000)
  t.strictSame(await decodeAnnounce(encoded.body, 'gzip'), large)
})

t.test('hostile bodies are refused', async t => {
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20))
  await t.rejects(decodeAnnounce(bomb, 'gzip'), { code: 'MS_REQUEST_TOO_LARGE' })
  await t.rejects(decodeAnnounce(Buffer.from('{'), undefined), { code: 'MS_REQUEST_INVALID' })
  await t.rejects(decodeAnnounce(Buffer.from('{}'), 'gzip'), { code: 'MS_REQUEST_INVALID' })
  await t.rejects(decodeAnnounce(Buffer.from('{}'), 'br'), { code: 'MS_REQUEST_INVALID' })
  await t.rejects(decodeAnnounce(Buffer.alloc(announceBodyBytes + 1), undefined), {
    code: 'MS_REQUEST_TOO_LARGE',
  })
})

t.test('an answer is checked before the volunteer believes it', async t => {
  const answer = {
    nowMs: 1,
    intervalMs: 30_000,
    snapshot: { epoch: 1, number: 2 },
    holdingsVersion: 3,
    wantFull: false,
    torrents: [
      {
        infoHash: 'cd'.repeat(20),
        peers: [{ name: 'a', host: '::1', port: 1 }],
        share: { index: 0, count: 1 },
      },
    ],
    drain: false,
    state: 'synced',
    tag: 'a.b-1',
  }
  t.equal(parseAnnounceAnswer({ ...answer, more: 1 }).state, 'synced')
  t.throws(() => parseAnnounceAnswer({ ...answer, state: 'fine' }), { code: 'MS_ANSWER_INVALID' })
  const host = [{ ...answer.torrents[0], peers: [{ name: 'a', host: 'a b', port: 1 }] }]
  t.throws(() => parseAnnounceAnswer({ ...answer, torrents: host }), { code: 'MS_ANSWER_INVALID' })
})
