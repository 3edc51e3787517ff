import fc from 'fast-check'
import t from 'tap'
import { judgeHead, type MirrorHead, validatorOf } from './mirror-answer.ts'

const head = (change: Partial<MirrorHead>): MirrorHead => ({
  ...{ status: 206, contentLength: '', contentRange: '', etag: '', lastModified: '' },
  ...change,
})
const part = { offset: 65_536, length: 100 }
const size = 200_000
const kindOf = (change: Partial<MirrorHead>): string => judgeHead(head(change), part, size).kind

t.test('only the very range of a file of the right size is a part of it', async t => {
  t.equal(kindOf({ contentRange: 'bytes 65536-65635/200000' }), 'part')
  t.equal(kindOf({ contentRange: 'bytes 65536-65635/200001' }), 'absent')
  t.equal(kindOf({ contentRange: 'bytes 0-99/200000' }), 'absent')
  t.equal(kindOf({ contentRange: 'bytes 65536-65999/200000' }), 'absent')
  t.equal(kindOf({ contentRange: 'bytes 65536-65635/*' }), 'absent')
  t.equal(kindOf({ contentRange: '' }), 'absent')
})

t.test('a mirror without ranges sends the whole file; a page for everything is none', async t => {
  t.equal(kindOf({ status: 200, contentLength: '200000' }), 'whole')
  t.equal(kindOf({ status: 200 }), 'whole', 'the bytes decide')
  t.equal(kindOf({ status: 200, contentLength: '512' }), 'absent')
})

t.test('redirects prove nothing, and who is busy or broken is no liar', async t => {
  for (const status of [301, 302, 307, 308]) t.equal(kindOf({ status }), 'absent')
  for (const status of [401, 403, 404, 410, 416]) t.equal(kindOf({ status }), 'absent')
  for (const status of [429, 503]) t.equal(kindOf({ status }), 'busy')
  for (const status of [500, 502, 504, 0, 999]) t.equal(kindOf({ status }), 'failed')
})

t.test('a weak or endless name tells no change', async t => {
  t.equal(validatorOf(head({ etag: '"a"', lastModified: 'then' })), '"a"')
  t.equal(validatorOf(head({ etag: 'W/"a"', lastModified: 'then' })), 'then')
  t.equal(validatorOf(head({ etag: `"${'a'.repeat(1000)}"` })), '')
  t.equal(validatorOf(head({})), '')
})

t.test('whatever the headers say, nothing throws and no other range passes', async () => {
  fc.assert(
    fc.property(fc.nat(700), fc.string(), fc.string(), (status, contentLength, contentRange) => {
      const { kind } = judgeHead(head({ status, contentLength, contentRange }), part, size)
      return kind !== 'part' || contentRange === 'bytes 65536-65635/200000'
    }),
  )
})
