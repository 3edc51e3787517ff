// The origin's plain BitTorrent port with real clients: a torrent without web seeds is completed from the
// origin alone, as the tracker names it, and a magnet link is enough to begin with.

import { mkdirSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import bencode from 'bencode'
import t, { type Test } from 'tap'
import { aria2Torrent } from '../loadtest/clients/downloaders.ts'
import { qbittorrentTorrent, transmissionTorrent } from '../loadtest/clients/seeding-clients.ts'
import { hashFile } from '../loadtest/compare-trees.ts'
import { Network } from '../loadtest/network.ts'
import { missing } from '../loadtest/programs.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { clientFolder, get } from './start-network.ts'

t.setTimeout(180_000)
// Most of their time clients wait by themselves.
t.jobs = 6

/** For each client another file, so that none gets anything from another client. */
const files = {
  // With a torrent of its own.
  'large.iso': 34_000_000,
  // In a bundle too.
  'small.bin': 300_001,
  'magnet.bin': 3_000_001,
  'large-magnet.iso': 34_000_001,
  'transmission.iso': 34_000_002,
  'transmission-magnet.bin': 3_000_002,
  'qbittorrent.bin': 5_000_002,
  'qbittorrent-magnet.bin': 300_002,
} as const

type Name = keyof typeof files

/** transmission takes no peer on loopback; none but this machine is involved anyway. */
const ownAddress = Object.values(networkInterfaces())
  .flat()
  .find(each => each?.family === 'IPv4' && !each.internal)?.address
const address = ownAddress ?? '127.0.0.1'
const skipUnlessOwn = (why: string | false): string | false =>
  ownAddress === undefined ? 'this machine has no address but loopback' : why

const network = await Network.prepare({
  name: 'bittorrent',
  originArgs: [...['--bittorrent-listen', `${address}:0`, '--public-url', `http://${address}:9/`]],
})
t.teardown(() => network.stop())
for (const [name, size] of Object.entries(files)) {
  writeFileSync(join(network.repository, name), noise(name, size))
}
await network.origin.start()
await network.publish()
const announceUrl = `${network.origin.url}/-/announce`

/** Bytes that the port for stock clients has sent. */
const seeded = (): Promise<number> =>
  network.metric(network.origin, 'mirrorswarm_sent_bytes_total', { kind: 'bittorrent' })

/** PATH.torrent as a file, without its web seeds, in a new folder. */
const seedlessTorrent = async (t: Test, name: Name) => {
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

/** The magnet link of a file without its web seeds. */
const seedlessMagnet = async (t: Test, name: Name): Promise<string> => {
  const magnet = (await get(`${network.origin.url}/${name}?magnet`)).body.toString().trim()
  t.match(magnet, /^magnet:\?xt=urn:btih:[0-9a-f]{40}&.*&tr=[^&]+&ws=[^&]+$/)
  return magnet.replace(/&tr=.*$/, `&tr=${encodeURIComponent(announceUrl)}`)
}

const checkSame = async (t: Test, name: Name, folder: string): Promise<void> => {
  const [got, original] = [join(folder, name), join(network.repository, name)]
  t.equal(await hashFile(got), await hashFile(original), name)
}

const checkAria2 = async (t: Test, name: Name, torrent: string, folder: string): Promise<void> => {
  const result = await aria2Torrent(torrent, folder)
  t.equal(result.status, 0, `${result.stdout}${result.stderr}`)
  await checkSame(t, name, folder)
  t.comment(`${name} in ${result.durationMs.toFixed(0)} ms`)
}

const aside = { buffered: true }

const aria2 = t.test(
  'aria2c, from the origin alone',
  { ...aside, skip: missing('aria2c') },
  async t => {
    for (const name of ['large.iso', 'small.bin'] as const) {
      const { folder, torrent } = await seedlessTorrent(t, name)
      await checkAria2(t, name, torrent, folder)
    }
  },
)

const aria2Magnet = t.test(
  'aria2c, by a magnet link',
  { ...aside, skip: missing('aria2c') },
  async t => {
    for (const name of ['large-magnet.iso', 'magnet.bin'] as const) {
      await checkAria2(t, name, await seedlessMagnet(t, name), clientFolder(t))
    }
  },
)

const skipTransmission = skipUnlessOwn(missing('transmission-cli'))
const transmission = t.test(
  'transmission-cli, from the origin alone',
  { ...aside, skip: skipTransmission },
  async t => {
    const { folder, torrent } = await seedlessTorrent(t, 'transmission.iso')
    const home = join(folder, 'home')
    const result = await transmissionTorrent(torrent, folder, home, { timeoutMs: 90_000 })
    t.comment(`in ${result.durationMs.toFixed(0)} ms`)
    await checkSame(t, 'transmission.iso', folder)
  },
)

const transmissionMagnet = t.test(
  'transmission-cli, by a magnet link',
  { ...aside, skip: skipTransmission },
  async t => {
    const [folder, name] = [clientFolder(t), 'transmission-magnet.bin'] as const
    const magnet = await seedlessMagnet(t, name)
    const home = join(folder, 'home')
    const result = await transmissionTorrent(magnet, folder, home, { timeoutMs: 120_000 })
    t.comment(`in ${result.durationMs.toFixed(0)} ms`)
    await checkSame(t, name, folder)
  },
)

const skipQbittorrent = skipUnlessOwn(missing('qbittorrent-nox'))
const qbittorrent = t.test(
  'qbittorrent-nox, by a torrent and by a magnet link',
  { ...aside, skip: skipQbittorrent },
  async t => {
    const { folder, torrent } = await seedlessTorrent(t, 'qbittorrent.bin')
    const magnet = await seedlessMagnet(t, 'qbittorrent-magnet.bin')
    for (const source of [torrent, magnet]) {
      const home = join(folder, `home-${source.length}`)
      const result = await qbittorrentTorrent(source, folder, home, { timeoutMs: 90_000 })
      t.comment(`in ${result.durationMs.toFixed(0)} ms`)
    }
    await checkSame(t, 'qbittorrent.bin', folder)
    await checkSame(t, 'qbittorrent-magnet.bin', folder)
  },
)

await Promise.all([aria2, aria2Magnet, transmission, transmissionMagnet, qbittorrent])

t.test('all of it came from the origin’s own port', async t => {
  const left = [
    ...(missing('aria2c') ? ['large.iso', 'small.bin', 'magnet.bin', 'large-magnet.iso'] : []),
    ...(skipTransmission ? ['transmission.iso', 'transmission-magnet.bin'] : []),
    ...(skipQbittorrent ? ['qbittorrent.bin', 'qbittorrent-magnet.bin'] : []),
  ]
  let size = 0
  for (const [name, bytes] of Object.entries(files)) if (!left.includes(name)) size += bytes
  const bytes = await seeded()
  t.ok(bytes >= size && bytes < 1.1 * size + 1_000_000, `${bytes} bytes for ${size}`)
})
