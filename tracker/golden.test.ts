import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { VolunteerName } from '../core/ids.ts'
import { parseNetworkEvent } from './events.ts'
import { pictureBytes } from './fixtures/picture-bytes.ts'
import { position, sampleStatus } from './fixtures/samples.ts'
import { AnnounceClient } from './logic/announce-client.ts'
import { applyEvent, emptyNetwork } from './logic/network-state.ts'
import { parseAnnounceAnswer, parseAnnounceRequest } from './messages.ts'
import { decodePicture } from './picture.ts'
import { parseRequestSignature, signRequest, verifyRequest } from './request-signature.ts'

// These files are what other versions write and read: a change here breaks networks and folders
// that exist. Add files for new formats, keep the old ones readable.
const golden = (name: string): string =>
  readFileSync(join(import.meta.dirname, 'golden', name), 'utf8').trimEnd()
const goldenJson = (name: string): unknown => JSON.parse(golden(name))
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

t.test('announces have the form of the golden files', async t => {
  const client = new AnnounceClient({ session: 'golden' })
  client.setManifest(position)
  for (let n = 0; n < 65_536; n++) client.hold(n)
  for (let n = 65_536; n < 100_000; n += 3) client.hold(n)
  const full = client.nextRequest(sampleStatus, 30_000)
  t.strictSame(asJson(full), goldenJson('announce-full.json'))

  const answer = parseAnnounceAnswer(goldenJson('answer.json'))
  client.heed(full, answer)
  client.hold(65_537)
  client.drop(65_536)
  client.drop(7)
  const changed = client.nextRequest(sampleStatus, 30_000)
  t.strictSame(asJson(changed), goldenJson('announce-change.json'))
  for (const name of ['announce-full.json', 'announce-change.json']) {
    t.strictSame(parseAnnounceRequest(goldenJson(name)), goldenJson(name))
  }
})

t.test('a roster is asked for and given in the form of the golden files', t => {
  const client = new AnnounceClient({ session: 'golden' })
  client.setRoster(null)
  const asked = client.nextRequest(sampleStatus, 30_000)
  t.strictSame(asJson(asked), goldenJson('announce-roster.json'))
  t.strictSame(parseAnnounceRequest(goldenJson('announce-roster.json')), asJson(asked))
  const answer = goldenJson('answer-roster.json')
  t.strictSame(parseAnnounceAnswer(answer), answer)
  t.match(answer, { roster: { tag: 'x8Qk2-_7dPaz', volunteers: [{ name: 'mirror-2' }] } })
  t.end()
})

t.test('the log and the picture have the form of the golden files', async t => {
  const network = emptyNetwork()
  for (const line of golden('events.ndjson').split('\n')) {
    const event = parseNetworkEvent(JSON.parse(line))
    t.equal(JSON.stringify(event), line)
    applyEvent(network, event)
  }
  const encoded = pictureBytes(network)
  t.strictSame(JSON.parse(encoded.toString()), goldenJson('picture.json'))
  const restored = decodePicture([Buffer.from(golden('picture.json'))])
  t.strictSame(asJson(JSON.parse(pictureBytes(restored).toString())), goldenJson('picture.json'))
})

t.test('signatures are those of the golden file', async t => {
  // The key pair of RFC 8032, 7.1, test 1.
  const privateKey = createPrivateKey({
    key: Buffer.from(
      '302e020100300506032b657004220420' +
        '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      'hex',
    ),
    format: 'der',
    type: 'pkcs8',
  })
  const publicKey = Buffer.from(
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    'hex',
  ).toString('base64url')
  const request = { method: 'POST', path: '/-/v1/announce', body: '{"version":1}' }
  const name = 'mirror-1' as VolunteerName
  const header = signRequest(request, name, privateKey, 1_700_000_000_000)
  t.equal(header, golden('request-signature.txt'))
  const claim = parseRequestSignature(header)
  t.ok(claim !== null && verifyRequest(request, claim, publicKey))
})
