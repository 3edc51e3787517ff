// The origin's plain BitTorrent port with real clients: a torrent without web seeds is completed from the
// origin alone, as the tracker names it.

import { mkdirSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import bencode from 'bencode'
import t, { type Test } from 'tap'
import { aria2Torrent, transmissionTorrent } from '../loadtest/clients/downloaders.ts'
import { hashFile } from '../loadtest/compare-trees.ts'
import { Network } from '../loadtest/network.ts'
import { missing } from '../loadtest/programs.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { clientFolder, get } from './start-network.ts'

t.setTimeout(180_000)

/** A file with a torrent of its own, and one that is in a bundle too. */
const files = { 'large.iso': 40_000_000, 'small.bin': 300_001 }

/** transmission takes no peer on loopback; none but this machine is involved anyway. */
const ownAddress = Object.values(networkInterfaces())
  .flat()
  .find(each => each?.family === 'IPv4' && !each.internal)?.address

const seedAddress = ownAddress ?? '127.0.0.1'
const network = await Network.prepare({
  name: 'bittorrent',
  originArgs: [
    ...['--bittorrent-listen', `${seedAddress}:0`, '--public-url', `http://${seedAddress}:9/`],
  ],
})
t.teardown(() => network.stop())
for (const [name, size] of Object.entries(files)) {
  writeFileSync(join(network.repository, name), noise(name, size))
}
await network.origin.start()
await network.publish()

const announceUrl = `${network.origin.url}/-/announce`

/** PATH.torrent as a file, without its web seeds, in a new folder. */
const seedlessTorrent = async (t: Test, name: string) => {
  const answer = await get(`${network.origin.url}/${name}.torrent`)
  t.equal(answer.status, 200)
  const document = bencode.decode(answer.body) as Record<string, unknown>
  delete document['url-list']
  document.announce = announceUrl
  const folder = clientFolder(t)
  mkdirSync(folder, { recursive: true })
  const torrent = join(folder, `${name}.torrent`)
  writeFileSync(torrent, bencode.encode(document))
  return { folder, torrent }
}

/** Bytes that the port for stock clients has sent. */
const seeded = (): Promise<number> =>
  network.metric(network.origin, 'mirrorswarm_sent_bytes_total', { kind: 'bittorrent' })

const checkSame = async (t: Test, name: string, folder: string): Promise<void> => {
  const [got, original] = [join(folder, name), join(network.repository, name)]
  t.equal(await hashFile(got), await hashFile(original))
}

t.test('aria2c, from the origin alone', { skip: missing('aria2c') }, async t => {
  for (const [name, size] of Object.entries(files)) {
    const { folder, torrent } = await seedlessTorrent(t, name)
    const before = await seeded()
    const result = await aria2Torrent(torrent, folder)
    t.equal(result.status, 0, `${result.stdout}${result.stderr}`)
    await checkSame(t, name, folder)
    const bytes = (await seeded()) - before
    t.ok(bytes >= size && bytes < 1.1 * size + 1_000_000, `${bytes} bytes for ${size}`)
    t.comment(`${name} in ${result.durationMs.toFixed(0)} ms`)
  }
})

t.test('aria2c, from the origin alone, by a magnet link', { skip: missing('aria2c') }, async t => {
  for (const name of Object.keys(files)) {
    const magnet = (await get(`${network.origin.url}/${name}?magnet`)).body.toString().trim()
    t.match(magnet, /^magnet:\?xt=urn:btih:[0-9a-f]{40}&.*&tr=[^&]+&ws=[^&]+$/)
    const link = magnet.replace(/&tr=.*$/, `&tr=${encodeURIComponent(announceUrl)}`)
    const folder = clientFolder(t)
    const result = await aria2Torrent(link, folder, { timeoutMs: 60_000 })
    t.equal(result.status, 0, `${result.stdout}${result.stderr}`)
    await checkSame(t, name, folder)
    t.comment(`${name} in ${result.durationMs.toFixed(0)} ms`)
  }
})

const skipTransmission =
  ownAddress === undefined
    ? 'this machine has no address but loopback'
    : missing('transmission-cli')

t.test('transmission-cli, from the origin alone', { skip: skipTransmission }, async t => {
  const before = await seeded()
  const { folder, torrent } = await seedlessTorrent(t, 'large.iso')
  const result = await transmissionTorrent(torrent, folder, join(folder, 'home'), {
    timeoutMs: 90_000,
  })
  t.comment(`in ${result.durationMs.toFixed(0)} ms`)
  await checkSame(t, 'large.iso', folder)
  t.ok((await seeded()) - before >= files['large.iso'])
})
