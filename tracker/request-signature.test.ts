import t from 'tap'
import type { VolunteerName } from '../core/ids.ts'
import { generateKeys } from '../core/keys.ts'
import { requestSkewMs } from '../core/limits.ts'
import { isTimely, parseRequestSignature, signRequest, verifyRequest } from './request-signature.ts'

const keys = generateKeys('ed25519')
const name = 'mirror-1' as VolunteerName
const nowMs = 1_700_000_000_000
const request = { method: 'POST', path: '/-/v1/announce', body: '{"version":1}' }

t.test('a signed request is accepted, with a body as bytes or text', async t => {
  const claim = parseRequestSignature(signRequest(request, name, keys.privateKey, nowMs))
  t.equal(claim?.name, name)
  if (claim === null) throw new Error('no claim')
  t.ok(verifyRequest(request, claim, keys.publicKey))
  t.ok(verifyRequest({ ...request, body: Buffer.from(request.body) }, claim, keys.publicKey))
})

t.test('a GET without a body is signed over the empty body', async t => {
  const read = { method: 'GET', path: '/-/v1/contents/00?x=1' }
  const claim = parseRequestSignature(signRequest(read, name, keys.privateKey, nowMs))
  t.ok(claim !== null && verifyRequest({ ...read, body: '' }, claim, keys.publicKey))
})

t.test('a change of method, path, body or key is noticed', async t => {
  const claim = parseRequestSignature(signRequest(request, name, keys.privateKey, nowMs))
  if (claim === null) throw new Error('no claim')
  t.notOk(verifyRequest({ ...request, method: 'PUT' }, claim, keys.publicKey))
  t.notOk(verifyRequest({ ...request, path: '/-/v1/announce?' }, claim, keys.publicKey))
  t.notOk(verifyRequest({ ...request, body: '{"version":2}' }, claim, keys.publicKey))
  t.notOk(verifyRequest(request, claim, generateKeys('ed25519').publicKey))
  const signature = `${claim.signature[0] === 'A' ? 'B' : 'A'}${claim.signature.slice(1)}`
  t.notOk(verifyRequest(request, { ...claim, signature }, keys.publicKey))
})

t.test('headers of another form are no claim', async t => {
  const good = signRequest(request, name, keys.privateKey, nowMs)
  for (const header of [
    undefined,
    '',
    'Bearer abc',
    good.replace('mirror-1', 'Mirror_1'),
    good.replace('mirror-1', '-'),
    good.replace('time="1', 'time="01'),
    good.replace('time="1', 'time="-1'),
    good.replace('time="1', 'time="1.'),
    good.replace('time="1', 'time="1111'),
    good.replace(/ time="\d+",/, ''),
    good.slice(0, -3),
    `${good}, x="y"`,
    ` ${good}`,
  ]) {
    t.equal(parseRequestSignature(header), null, String(header))
  }
})

t.test('the time is signed, and only good for a while', async t => {
  const claim = parseRequestSignature(signRequest(request, name, keys.privateKey, nowMs))
  if (claim === null) throw new Error('no claim')
  t.equal(claim.timeMs, nowMs)
  t.notOk(verifyRequest(request, { ...claim, timeMs: nowMs + 1 }, keys.publicKey))
  for (const skewMs of [0, -requestSkewMs, requestSkewMs]) t.ok(isTimely(claim, nowMs + skewMs))
  for (const skewMs of [-requestSkewMs - 1, requestSkewMs + 1, 1e15]) {
    t.notOk(isTimely(claim, nowMs + skewMs))
  }
})
