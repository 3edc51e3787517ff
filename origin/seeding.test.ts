// The origin as a whole with its BitTorrent port: what the tracker says about it, what volunteers get
// under a limit of their own, and that it comes and goes with the origin.

import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import bencode from 'bencode'
import t, { type Test } from 'tap'
import type { Sha256 } from '../core/ids.ts'
import { sha256Hex } from '../core/keys.ts'
import { leastSyncAnswers } from '../core/stock-limits.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { encodeRequest } from '../prsync/logic/ranges-wire.ts'
import { parseMetainfo } from '../prsync/metainfo.ts'
import { rawRequest, TestNetwork } from './fixtures/test-network.ts'
import type { OriginOptions } from './main.ts'
import { seedListenOf } from './seeding.ts'
import { ServingGate, syncAnswersAt } from './serving-gate.ts'

const large = Buffer.from(noise('seeding', 3_000_000))

const start = async (t: Test, options: Partial<OriginOptions>): Promise<TestNetwork> => {
  const fill = (repository: string): void => writeFileSync(join(repository, 'large.iso'), large)
  const network = await TestNetwork.start(t, fill, options)
  await network.waitForSnapshot(1)
  return network
}

const listen = { host: '127.0.0.1', port: 0, orAnyPort: false }

/** The peers that the tracker names for a file's torrent. */
const peersOf = async (network: TestNetwork, name: string): Promise<[string, number][]> => {
  const { infoHash } = parseMetainfo((await network.get(`/${name}.torrent`)).body)
  const escaped = infoHash.replace(/../g, '%$&')
  const query = `info_hash=${escaped}&peer_id=${'p'.repeat(20)}&port=7001&left=5&compact=1`
  const answer = await network.get(`/-/announce?${query}&uploaded=0&downloaded=0`)
  const { peers } = bencode.decode(answer.body) as { peers: Uint8Array }
  const bytes = Buffer.from(peers)
  return Array.from({ length: bytes.length / 6 }, (_, k) => [
    [...bytes.subarray(6 * k, 6 * k + 4)].join('.'),
    bytes.readUInt16BE(6 * k + 4),
  ])
}

t.test('the tracker names the origin while its port is open', async t => {
  const network = await start(t, { bittorrentListen: listen })
  const others = (await peersOf(network, 'large.iso')).filter(([, port]) => port !== 7001)
  t.equal(others.length, 1)
  const [host, port] = others[0] ?? ['', 0]
  t.equal(host, '127.0.0.1')
  const socket = connect(port, host)
  await new Promise(resolve => socket.once('connect', resolve))
  const closed = new Promise(resolve => socket.once('close', resolve))
  await network.origin.stop()
  await closed
  const without = await start(t, {})
  t.same(await peersOf(without, 'large.iso'), [['127.0.0.1', 7001]])
})

t.test('--swarm-upload-limit: volunteers get that much, clients as much as there is', async t => {
  const rate = 1_000_000
  const network = await start(t, { swarmUploadLimitBytesPerSecond: rate })
  const volunteer = await network.volunteer('ada', { holds: [] })
  const sha256 = sha256Hex(large) as Sha256
  const body = encodeRequest([{ sha256, runs: [{ offset: 0, length: large.length }] }])
  const startMs = performance.now()
  let clientMs = 0
  const asVolunteer = volunteer.post('/-/v1/ranges', Buffer.from(body), true)
  const asClient = rawRequest(network.origin.url, '/large.iso').then(answer => {
    clientMs = performance.now() - startMs
    return answer
  })
  const [synced, served] = await Promise.all([asVolunteer, asClient])
  const seconds = (performance.now() - startMs) / 1000
  t.ok(synced.body.subarray(2).equals(large))
  t.ok(served.body.equals(large))
  t.ok(large.length <= 1.1 * rate * seconds, `${seconds} s`)
  t.ok(clientMs < 1000 * seconds, 'the client did not wait for the volunteer')
})

t.test('under a limit fewer volunteers are answered at once, and later ones told to wait', t => {
  t.equal(syncAnswersAt(null), syncAnswersAt(1e12))
  t.equal(syncAnswersAt(1), leastSyncAnswers)
  const gate = new ServingGate(1, syncAnswersAt(1))
  const leaves = Array.from({ length: leastSyncAnswers }, () => gate.enter('sync'))
  t.ok(leaves.every(leave => leave !== null))
  t.equal(gate.enter('sync'), null)
  t.not(gate.enter('essential'), null, 'clients have their own room')
  leaves[0]?.()
  t.not(gate.enter('sync'), null)
  t.end()
})

t.test('where clients must prove who they are the port stays closed', t => {
  t.equal(seedListenOf({ bittorrentListen: listen, requireClients: false }), listen)
  const usual = { ...listen, orAnyPort: true }
  t.equal(seedListenOf({ bittorrentListen: usual, requireClients: true }), null)
  t.equal(seedListenOf({ bittorrentListen: null, requireClients: true }), null)
  t.throws(() => seedListenOf({ bittorrentListen: listen, requireClients: true }), {
    code: 'MS_CONFIG_INVALID',
  })
  t.end()
})
