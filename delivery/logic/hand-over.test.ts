// Only what a web server is sure to answer the same is handed over to it.

import t from 'tap'
import type { Sha256 } from '../../core/ids.ts'
import type { RequestHeaders } from './conditional.ts'
import { handOverHeaders, handOverStatus, mayHandOver } from './hand-over.ts'
import { entityTagOf, type Representation, respond } from './respond.ts'

const sha256 = 'ab'.repeat(32) as Sha256
const file: Representation = {
  sha256,
  sizeBytes: 1000,
  modifiedSeconds: 784_111_777,
  contentType: 'text/plain',
}
const isHanded = (headers: RequestHeaders, method: 'GET' | 'HEAD' = 'GET', of = file): boolean =>
  mayHandOver(headers, respond(method, headers, of), 'x-accel-redirect')

t.test('whole files and one plain range are handed over, nothing else', async t => {
  const etag = entityTagOf(sha256)
  for (const headers of [
    {},
    { range: 'bytes=0-1' },
    { range: 'bytes=5-' },
    { range: 'bytes=-5' },
  ]) {
    t.ok(isHanded(headers), JSON.stringify(headers))
    t.notOk(isHanded(headers, 'HEAD'))
    t.notOk(isHanded({ ...headers, 'if-match': etag }))
    t.notOk(isHanded({ ...headers, 'if-none-match': etag }))
    t.notOk(isHanded({ ...headers, 'if-unmodified-since': 'Sun, 06 Nov 1994 08:49:38 GMT' }))
    t.notOk(isHanded(headers, 'GET', { ...file, sizeBytes: 0 }))
  }
  const ranges = ['bytes=0-1,5-6', 'bytes=0-1, bytes=0-1', 'bytes=0-4,5-9', 'lines=1-2', 'bytes=']
  for (const range of [...ranges, 'bytes=1000-', 'bytes=-0', 'bytes=9-5', `bytes=0-${2n ** 64n}`]) {
    t.notOk(isHanded({ range }), range)
  }
  t.ok(isHanded({ range: 'bytes=0-1', 'if-range': etag }))
  t.notOk(isHanded({ range: 'bytes=0-1', 'if-range': '"other"' }), 'the server looks at the range')
})

t.test('lengths and ranges are the server’s own, the rest is ours', async t => {
  const decision = respond('GET', { range: 'bytes=0-1' }, file)
  const headers = handOverHeaders(decision, { header: 'x-accel-redirect', name: '/handed/x' })
  t.match(headers, {
    'content-length': '0',
    'x-accel-redirect': '/handed/x',
    'content-type': 'text/plain',
  })
  t.equal(headers.etag, decision.headers.etag)
  t.equal(headers['last-modified'], decision.headers['last-modified'])
  t.notOk('content-range' in headers || 'accept-ranges' in headers)
})

t.test(
  'by X-Sendfile a file is named, and nothing that Apache would judge is handed over',
  async t => {
    const etag = entityTagOf(sha256)
    const isSent = (headers: RequestHeaders): boolean =>
      mayHandOver(headers, respond('GET', headers, file), 'x-sendfile')
    t.ok(isSent({}))
    t.ok(isSent({ range: 'bytes=0-1' }))
    for (const name of ['if-none-match', 'if-match', 'if-range']) {
      t.notOk(isSent({ [name]: '"other"' }), name)
    }
    t.notOk(isSent({ range: 'bytes=0-1', 'if-range': etag }))
    t.notOk(isSent({ 'if-modified-since': 'Sun, 06 Nov 2094 08:49:37 GMT' }))
    const handed = { header: 'x-sendfile', name: `/srv/mirror.handed/${sha256}` } as const
    const headers = handOverHeaders(respond('GET', {}, file), handed)
    t.match(headers, { 'content-length': '0', 'x-sendfile': handed.name, etag })
    t.notOk('x-accel-redirect' in headers)
    t.equal(handOverStatus(handed), 200)
    t.equal(handOverStatus({ header: 'x-accel-redirect', name: '/handed/x' }), 501)
  },
)
