import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { VolunteerName } from '../core/ids.ts'
import { generateKeys, signText } from '../core/keys.ts'
import { checkVolunteerUrl, enrolmentText, Prober } from './prober.ts'

const name = 'ada' as VolunteerName
const keys = generateKeys('ed25519')
const never = new AbortController().signal

const serve = async (t: Test, listener: RequestListener): Promise<number> => {
  const server = createServer(listener)
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const makeProber = (t: Test, allowLoopback = true): Prober => {
  const prober = new Prober({ allowLoopback })
  t.teardown(() => prober.stop())
  return prober
}

t.test('the owner of the key is reachable, anybody else is not', async t => {
  const port = await serve(t, (request, response) => {
    const [, prefix, nonce = ''] =
      /^(.*)\/-\/enrolment\/([0-9a-f]{32})$/.exec(request.url ?? '') ?? []
    response.end(
      `${signText(enrolmentText(nonce, name), keys.privateKey)}${prefix === '' ? '' : '\n'}`,
    )
  })
  const prober = makeProber(t)
  const url = `http://127.0.0.1:${port}`
  const target = { name, url, publicKey: keys.publicKey }
  t.same(await prober.probe(target, never), { reachable: true })
  t.same(await prober.probe({ ...target, url: `${url}/deep` }, never), { reachable: true })
  const other = { ...target, publicKey: generateKeys('ed25519').publicKey }
  t.match(await prober.probe(other, never), { reachable: false, reason: /another server/ })
  const renamed = { ...target, name: 'bob' as VolunteerName }
  t.match(await prober.probe(renamed, never), { reachable: false })
})

t.test('strange answers are no proof and harm nobody', async t => {
  const answers: RequestListener[] = [
    (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    (_, response) => response.end('x'.repeat(100_000)),
    (_, response) => response.end(''),
    (_, response) => response.destroy(),
  ]
  const prober = makeProber(t)
  for (const answer of answers) {
    const url = `http://127.0.0.1:${await serve(t, answer)}`
    t.match(await prober.probe({ name, url, publicKey: keys.publicKey }, never), {
      reachable: false,
      reason: String,
    })
  }
})

t.test('a name that leads to a forbidden address is not connected to', async t => {
  let requests = 0
  const port = await serve(t, (_, response) => {
    requests++
    response.end()
  })
  const prober = makeProber(t, false)
  const url = `http://localhost:${port}`
  t.match(await prober.probe({ name, url, publicKey: keys.publicKey }, never), {
    reachable: false,
    reason: /no address others can reach/,
  })
  t.equal(requests, 0)
})

t.test('public URLs are checked before anything is sent', async t => {
  t.equal(checkVolunteerUrl('https://ada.example/mirror/', false), 'https://ada.example/mirror')
  t.equal(checkVolunteerUrl('http://10.1.2.3:8080', false), 'http://10.1.2.3:8080')
  t.equal(checkVolunteerUrl('http://127.0.0.1:8080/', true), 'http://127.0.0.1:8080')
  t.equal(checkVolunteerUrl('http://[2001:4860::1]/', false), 'http://[2001:4860::1]')
  for (const url of [
    'ada.example',
    'ftp://ada.example',
    'http://user@ada.example',
    'http://ada.example/?x',
    'http://127.0.0.1:8080',
    'http://2130706433/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://localhost:80',
    'http://169.254.169.254/latest',
    'http://0.0.0.0/',
    'http://224.0.0.1/',
    'http://[fe80::1]/',
  ]) {
    t.throws(() => checkVolunteerUrl(url, false), { code: 'MS_URL_REFUSED' }, url)
  }
})
