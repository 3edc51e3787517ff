// What is read from the origin: at the owner's rate, bounded, checked.

import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { systemClock } from '../core/clock.ts'
import { HttpClient } from '../core/http-client.ts'
import type { Sha256, VolunteerName } from '../core/ids.ts'
import { generateKeys, sha256Hex } from '../core/keys.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { OriginClient } from './origin-client.ts'
import { RequestSigner } from './request-signer.ts'

const never = new AbortController().signal
const part = Buffer.from(noise('part', 300_000))
const sha256 = sha256Hex(part) as Sha256

const world = async (t: Test, answer: RequestListener) => {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const http = new HttpClient()
  t.teardown(async () => {
    await http.stop()
    server.closeAllConnections()
    server.close()
  })
  const taken = { bytes: 0, priorities: new Set<string>(), refuse: null as Error | null }
  const { privateKey } = generateKeys('ed25519')
  const origin = new OriginClient({
    ...{ http, announceHttp: http },
    originUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    signer: new RequestSigner({ name: 'ada' as VolunteerName, privateKey, clock: systemClock }),
    downloadLimiter: {
      take: async (bytes, priority) => {
        if (taken.refuse !== null) throw taken.refuse
        taken.bytes += bytes
        taken.priorities.add(priority)
      },
    },
  })
  return { origin, taken }
}

t.test('parts of the manifest and heads count as synchronisation', async t => {
  const { origin, taken } = await world(t, ({ url }, response) => {
    response.end(url === '/-/v1/head' ? 'head' : part)
  })
  t.ok((await origin.object(sha256, 1e6, never)).equals(part))
  t.equal(taken.bytes, part.length)
  t.equal(await origin.head(never), 'head')
  t.equal(taken.bytes, part.length + 4)
  t.same([...taken.priorities], ['swarm'])
})

t.test('more than was promised, other bytes and half an answer are refused', async t => {
  let cut = false
  const { origin } = await world(t, (_, response) => {
    if (!cut) return void response.end(part)
    response.writeHead(200, { 'content-length': part.length })
    response.write(part.subarray(0, 1000), () => response.destroy())
  })
  await t.rejects(origin.object(sha256, 1000, never), { code: 'MS_ANSWER_INVALID' })
  const other = sha256Hex('other') as Sha256
  await t.rejects(origin.object(other, 1e6, never), { code: 'MS_MANIFEST_INVALID' })
  cut = true
  await t.rejects(origin.object(sha256, 1e6, never), { code: 'MS_REMOTE_UNREACHABLE' })
})

t.test('an end while waiting for the rate is an end', async t => {
  const { origin, taken } = await world(t, (_, response) => void response.end(part))
  const stop = new AbortController()
  taken.refuse = new Error('stopped')
  stop.signal.addEventListener('abort', () => undefined)
  const asked = origin.object(sha256, 1e6, stop.signal)
  stop.abort(taken.refuse)
  await t.rejects(asked, { message: 'stopped' })
})
