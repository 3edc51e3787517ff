import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import type { Sha256 } from '../../core/ids.ts'
import type { RequestHeaders } from './conditional.ts'
import { type Decision, entityTagOf, type Representation, respond } from './respond.ts'

const sha256 = createHash('sha256').update('x').digest('hex') as Sha256
const file: Representation = {
  sha256,
  sizeBytes: 1000,
  modifiedSeconds: 784_111_777,
  contentType: 'application/x-rpm',
}
const etag = entityTagOf(sha256)
const date = 'Sun, 06 Nov 1994 08:49:37 GMT'
const earlier = 'Sun, 06 Nov 1994 08:49:36 GMT'
const later = 'Sun, 06 Nov 1994 08:49:38 GMT'
const get = (headers: RequestHeaders = {}) => respond('GET', headers, file)

t.test('a plain answer carries the validators and the digests', async t => {
  const decision = get()
  t.equal(decision.status, 200)
  t.strictSame(decision.headers, {
    etag: `"sha256-${sha256}"`,
    'last-modified': date,
    'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
    digest: `SHA-256=${Buffer.from(sha256, 'hex').toString('base64')}`,
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
    'content-type': 'application/x-rpm',
    'content-length': '1000',
  })
  t.strictSame(decision.parts, [{ offset: 0, length: 1000, preamble: '' }])
})

t.test('HEAD tells the same headers as GET, has no body and knows no ranges', async t => {
  t.strictSame(respond('HEAD', {}, file).headers, get().headers)
  const ranged = respond('HEAD', { range: 'bytes=0-0' }, file)
  t.match(ranged, { status: 200, parts: [], bodyBytes: 0, headers: { 'content-length': '1000' } })
  t.equal(respond('HEAD', { 'if-none-match': etag }, file).status, 304)
})

t.test('an empty file', async t => {
  const empty = { ...file, sizeBytes: 0 }
  for (const headers of [{}, { range: 'bytes=0-' }, { range: 'bytes=-1' }]) {
    t.match(respond('GET', headers, empty), {
      status: 200,
      parts: [],
      bodyBytes: 0,
      headers: { 'content-length': '0' },
    })
  }
})

t.test('conditions, in the order of RFC 9110', async t => {
  const table: [RequestHeaders, number][] = [
    [{ 'if-none-match': etag }, 304],
    [{ 'if-none-match': `W/${etag}` }, 304],
    [{ 'if-none-match': `"a", ${etag}` }, 304],
    [{ 'if-none-match': '*' }, 304],
    [{ 'if-none-match': '"a"' }, 200],
    [{ 'if-none-match': sha256 }, 200],
    [{ 'if-none-match': '"a"', 'if-modified-since': date }, 200],
    [{ 'if-none-match': etag, 'if-modified-since': earlier }, 304],
    [{ 'if-modified-since': date }, 304],
    [{ 'if-modified-since': earlier }, 200],
    [{ 'if-modified-since': later }, 200],
    [{ 'if-modified-since': 'yesterday' }, 200],
    [{ 'if-match': etag }, 200],
    [{ 'if-match': '*' }, 200],
    [{ 'if-match': `W/${etag}` }, 412],
    [{ 'if-match': '"a"' }, 412],
    [{ 'if-match': '"a"', 'if-none-match': etag }, 412],
    [{ 'if-match': etag, 'if-none-match': etag }, 304],
    [{ 'if-match': etag, 'if-unmodified-since': earlier }, 200],
    [{ 'if-unmodified-since': earlier }, 412],
    [{ 'if-unmodified-since': date }, 200],
    [{ 'if-unmodified-since': 'x' }, 200],
    [{ 'if-none-match': etag, range: 'bytes=0-0' }, 304],
    [{ 'if-match': '"a"', range: 'bytes=5000-' }, 412],
  ]
  for (const [headers, status] of table)
    t.equal(get(headers).status, status, JSON.stringify(headers))
  const unchanged = get({ 'if-none-match': etag })
  t.match(unchanged, { parts: [], bodyBytes: 0, headers: { etag, 'last-modified': date } })
  t.notOk('content-length' in unchanged.headers)
})

t.test('ranges are sent only of the content that the client has begun', async t => {
  const range = 'bytes=500-'
  const table: [RequestHeaders, number][] = [
    [{}, 206],
    [{ 'if-range': etag }, 206],
    [{ 'if-range': date }, 206],
    [{ 'if-range': `W/${etag}` }, 200],
    [{ 'if-range': '"a"' }, 200],
    [{ 'if-range': earlier }, 200],
    [{ 'if-range': later }, 200],
    [{ 'if-range': 'x' }, 200],
    [{ 'if-range': '' }, 200],
    [{ 'if-range': '*' }, 200],
  ]
  for (const [headers, status] of table) {
    t.equal(get({ range, ...headers }).status, status, JSON.stringify(headers))
  }
  t.equal(get({ range: 'bytes=5000-', 'if-range': earlier }).status, 200, 'not even 416')
})

t.test('a single range', async t => {
  t.match(get({ range: 'bytes=-5' }), {
    status: 206,
    bodyBytes: 5,
    parts: [{ offset: 995, length: 5, preamble: '' }],
    headers: {
      'content-range': 'bytes 995-999/1000',
      'content-length': '5',
      'content-type': 'application/x-rpm',
      'repr-digest': get().headers['repr-digest'],
    },
  })
})

t.test('a resume at full size is told the size', async t => {
  const decision = get({ range: 'bytes=1000-' })
  t.match(decision, { status: 416, parts: [], bodyBytes: 0 })
  t.match(decision.headers, { 'content-range': 'bytes */1000', 'content-length': '0', etag })
})

const bodyOf = (decision: Decision, bytes: Buffer): string =>
  decision.parts
    .map(part => part.preamble + bytes.toString('latin1', part.offset, part.offset + part.length))
    .join('') + decision.epilogue

t.test('several ranges have this form to the byte', async t => {
  const decision = get({ range: 'bytes=0-1,10-12' })
  const boundary = `mirrorswarm-${sha256.slice(0, 32)}`
  t.equal(decision.headers['content-type'], `multipart/byteranges; boundary=${boundary}`)
  t.notOk('content-range' in decision.headers)
  const body = bodyOf(decision, Buffer.from('0123456789abcdefg'))
  t.equal(
    body,
    `\r\n--${boundary}\r\nContent-Type: application/x-rpm\r\nContent-Range: bytes 0-1/1000` +
      `\r\n\r\n01` +
      `\r\n--${boundary}\r\nContent-Type: application/x-rpm\r\nContent-Range: bytes 10-12/1000` +
      `\r\n\r\nabc\r\n--${boundary}--\r\n`,
  )
  t.equal(decision.headers['content-length'], String(body.length))
})

t.test('the length that is promised is the length of what is sent', async () => {
  const spec = fc.tuple(fc.nat(1100), fc.nat(50)).map(([first, more]) => `${first}-${first + more}`)
  const bytes = Buffer.alloc(1000, 'z')
  fc.assert(
    fc.property(fc.array(spec, { maxLength: 12 }), specs => {
      const decision = get({ range: `bytes=${specs.join(', ')}` })
      const { length } = bodyOf(decision, bytes)
      return length === decision.bodyBytes && decision.headers['content-length'] === String(length)
    }),
  )
})
