// Whose clock requests are signed by, and that a wrong one of this machine costs one request.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { HttpClient } from '../core/http-client.ts'
import type { VolunteerName } from '../core/ids.ts'
import { generateKeys } from '../core/keys.ts'
import { isTimely, parseRequestSignature } from '../tracker/request-signature.ts'
import { RequestSigner, sendSigned } from './request-signer.ts'

const name = 'ada' as VolunteerName
const hour = 3_600_000
const never = new AbortController().signal

/** A signer on a machine whose clock is wrong, and a server that takes only its own time. */
const world = async (t: Test, wrongByMs: number) => {
  const { privateKey } = generateKeys('ed25519')
  const clock = {
    monotonicMs: () => performance.now(),
    nowMs: () => Date.now() + wrongByMs,
  }
  const signer = new RequestSigner({ name, privateKey, clock })
  const asked: number[] = []
  const server = createServer((request, response) => {
    const claim = parseRequestSignature(request.headers.authorization)
    response.statusCode = claim !== null && isTimely(claim, Date.now()) ? 200 : 403
    asked.push(response.statusCode)
    response.end('x'.repeat(100_000))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const http = new HttpClient()
  t.teardown(async () => {
    await http.stop()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const ask = async (recipient?: VolunteerName): Promise<number> => {
    const meant = recipient === undefined ? {} : { recipient }
    const answer = await sendSigned(
      { http, signer, url },
      { method: 'POST', path: '/x', body: 'y', ...meant },
      { signal: never },
    )
    await http.read(answer)
    return answer.status
  }
  return { signer, asked, ask }
}

t.test('the origin teaches its clock with its first refusal', async t => {
  for (const wrongByMs of [-200 * hour, hour, 30 * 365 * 24 * hour]) {
    const { ask, asked } = await world(t, wrongByMs)
    t.equal(await ask(), 200)
    t.equal(await ask(), 200)
    t.same(asked, [403, 200, 200])
  }
})

t.test('who is right is not asked twice', async t => {
  const { ask, asked } = await world(t, 1000)
  t.equal(await ask(), 200)
  t.same(asked, [200])
})

t.test('what announces tell holds, whatever becomes of the own clock', async t => {
  const { signer, ask, asked } = await world(t, hour)
  signer.learn(Date.now())
  t.equal(await ask('bob' as VolunteerName), 200)
  t.same(asked, [200])
})

t.test('other volunteers teach nothing', async t => {
  const { signer, ask, asked } = await world(t, hour)
  t.equal(await ask('bob' as VolunteerName), 403)
  t.same(asked, [403])
  t.ok(signer.nowMs() > Date.now() + hour / 2)
})

t.test('refusals for other reasons, and without a date, teach nothing', async t => {
  const { signer } = await world(t, 0)
  const date = new Date(Date.now() + hour).toUTCString()
  t.equal(signer.heedRefusal({ status: 404, headers: { date } }), false)
  for (const odd of [undefined, 'soon', ['x'], new Date().toUTCString()]) {
    t.equal(signer.heedRefusal({ status: 403, headers: { date: odd } }), false)
  }
  t.equal(signer.heedRefusal({ status: 403, headers: { date } }), true)
  t.ok(Math.abs(signer.nowMs() - Date.now() - hour) < 60_000)
})
