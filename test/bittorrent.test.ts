// The origin's plain BitTorrent port with real clients: a torrent without web seeds is completed from the
// origin alone, as the tracker names it.

import { mkdirSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import bencode from 'bencode'
import t, { type Test } from 'tap'
import { aria2Torrent, transmissionTorrent } from '../loadtest/clients/downloaders.ts'
import { hashFile } from '../loadtest/compare-trees.ts'
import type { Network } from '../loadtest/network.ts'
import { missing } from '../loadtest/programs.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { clientFolder, get, prepareNetwork } from './start-network.ts'

t.setTimeout(120_000)

/** A file with a torrent of its own, and one that is in a bundle too. */
const files = { 'large.iso': 40_000_000, 'small.bin': 300_001 }

const start = async (t: Test, originArgs: readonly string[]): Promise<Network> => {
  const network = await prepareNetwork(t, { originArgs })
  for (const [name, size] of Object.entries(files)) {
    writeFileSync(join(network.repository, name), noise(name, size))
  }
  await network.origin.start()
  await network.publish()
  return network
}

/** PATH.torrent as a file, without its web seeds, in a new folder. */
const seedlessTorrent = async (t: Test, network: Network, name: string) => {
  const answer = await get(`${network.origin.url}/${name}.torrent`)
  t.equal(answer.status, 200)
  const document = bencode.decode(answer.body) as Record<string, unknown>
  delete document['url-list']
  document.announce = `${network.origin.url.replace(/\/+$/, '')}/-/announce`
  const folder = clientFolder(t)
  mkdirSync(folder, { recursive: true })
  const torrent = join(folder, `${name}.torrent`)
  writeFileSync(torrent, bencode.encode(document))
  return { folder, torrent }
}

const seeded = (network: Network): Promise<number> =>
  network.metric(network.origin, 'mirrorswarm_sent_bytes_total', { kind: 'bittorrent' })

t.test('aria2c, from the origin alone', { skip: missing('aria2c') }, async t => {
  const network = await start(t, ['--bittorrent-listen', '127.0.0.1:0'])
  for (const [name, size] of Object.entries(files)) {
    const { folder, torrent } = await seedlessTorrent(t, network, name)
    const before = await seeded(network)
    const result = await aria2Torrent(torrent, folder)
    t.equal(result.status, 0, `${result.stdout}${result.stderr}`)
    t.equal(await hashFile(join(folder, name)), await hashFile(join(network.repository, name)))
    const bytes = (await seeded(network)) - before
    t.ok(bytes >= size && bytes < 1.1 * size + 1_000_000, `${bytes} bytes for ${size}`)
    t.comment(`${name} in ${result.durationMs.toFixed(0)} ms`)
  }
})

/** transmission takes no peer on loopback; none but this machine is involved anyway. */
const ownAddress = Object.values(networkInterfaces())
  .flat()
  .find(each => each?.family === 'IPv4' && !each.internal)?.address

const skipTransmission =
  ownAddress === undefined
    ? 'this machine has no address but loopback'
    : missing('transmission-cli')

t.test('transmission-cli, from the origin alone', { skip: skipTransmission }, async t => {
  const network = await start(t, [
    ...['--bittorrent-listen', `${ownAddress}:0`, '--public-url', `http://${ownAddress}:9/`],
  ])
  const { folder, torrent } = await seedlessTorrent(t, network, 'large.iso')
  const result = await transmissionTorrent(torrent, folder, join(folder, 'home'), {
    timeoutMs: 90_000,
  })
  t.comment(`in ${result.durationMs.toFixed(0)} ms`)
  t.equal(
    await hashFile(join(folder, 'large.iso')),
    await hashFile(join(network.repository, 'large.iso')),
  )
  t.ok((await seeded(network)) >= files['large.iso'])
})
