// Stock BitTorrent clients with PATH.torrent: what volunteers hold comes by HTTP, through the web seed,
// and the origin's tracker brings the clients together.

import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import bencode from 'bencode'
import t from 'tap'
import { aria2Torrent } from '../loadtest/clients/downloaders.ts'
import { transmissionTorrent } from '../loadtest/clients/seeding-clients.ts'
import { hashFile } from '../loadtest/compare-trees.ts'
import { originUploadBytes } from '../loadtest/counters.ts'
import { waitUntil } from '../loadtest/deadline.ts'
import { missing } from '../loadtest/programs.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { clientFolder, get, prepareNetwork } from './start-network.ts'

t.setTimeout(240_000)

t.test('aria2c completes PATH.torrent', { skip: missing('aria2c') }, async t => {
  // From volunteers and other clients alone.
  const network = await prepareNetwork(t, { originArgs: ['--bittorrent-listen', 'off'] })
  writeFileSync(join(network.repository, 'large.iso'), noise('large', 40_000_000))
  writeFileSync(join(network.repository, 'small.bin'), noise('small', 300_001))
  await network.origin.start()
  await network.addVolunteers(2)
  await network.waitForState('synced')

  const torrentOf = async (name: string): Promise<Buffer> => {
    const answer = await get(`${network.origin.url}/${name}.torrent`)
    t.equal(answer.status, 200)
    return answer.body
  }

  const originSent = async (work: () => Promise<void>): Promise<number> => {
    const before = await originUploadBytes(network)
    await work()
    return (await originUploadBytes(network)) - before
  }
  const whole = await hashFile(join(network.repository, 'large.iso'))
  const seeding = clientFolder(t)

  for (const [name, folder] of [
    ['large.iso', seeding],
    ['small.bin', clientFolder(t)],
  ] as const) {
    t.test(`${name} as it is served, all of it from volunteers`, async t => {
      mkdirSync(folder, { recursive: true })
      const torrent = join(folder, `${name}.torrent`)
      writeFileSync(torrent, await torrentOf(name))
      const sent = await originSent(async () => {
        const result = await aria2Torrent(torrent, folder)
        t.equal(result.status, 0, `${result.stdout}${result.stderr}`)
      })
      t.equal(await hashFile(join(folder, name)), await hashFile(join(network.repository, name)))
      t.ok(sent < 100_000, `the origin sent next to nothing: ${sent} bytes`)
    })
  }

  t.test(
    'with web seeds taken out, all of it comes from a client that the tracker named',
    async t => {
      const document = bencode.decode(await torrentOf('large.iso')) as Record<string, unknown>
      t.ok('announce' in document, 'there is a tracker')
      delete document['url-list']
      delete document.httpseeds
      const seedless = bencode.encode(document)
      const stop = new AbortController()
      const torrent = join(seeding, 'seedless.torrent')
      writeFileSync(torrent, seedless)
      const seeder = aria2Torrent(torrent, seeding, {
        args: ['--check-integrity=true', '--seed-time=10'],
        signal: stop.signal,
      })
      t.teardown(async () => {
        stop.abort()
        await seeder
      })
      const seeders = async (): Promise<boolean> => {
        const hash = createHash('sha1').update(bencode.encode(document.info)).digest()
        const escaped = Array.from(hash, byte => `%${byte.toString(16).padStart(2, '0')}`)
        const query = `info_hash=${escaped.join('')}`
        const answer = (await get(`${network.origin.url}/-/scrape?${query}`)).body
        return answer.includes('8:completei1e')
      }
      await waitUntil('a client to seed', seeders, { timeoutMs: 60_000 })
      const folder = clientFolder(t)
      mkdirSync(folder, { recursive: true })
      const other = join(folder, 'large.iso.torrent')
      writeFileSync(other, seedless)
      const sent = await originSent(async () => {
        const result = await aria2Torrent(other, folder)
        t.equal(result.status, 0, `${result.stdout}${result.stderr}`)
      })
      t.equal(await hashFile(join(folder, 'large.iso')), whole)
      t.ok(sent < 100_000, `the origin sent next to nothing: ${sent} bytes`)
    },
  )
})

t.test(
  'transmission-cli completes PATH.torrent through the web seed alone',
  { skip: missing('transmission-cli') },
  async t => {
    const network = await prepareNetwork(t, { originArgs: ['--bittorrent-listen', 'off'] })
    writeFileSync(join(network.repository, 'large.iso'), noise('large', 20_000_000))
    mkdirSync(join(network.repository, 'a b'))
    writeFileSync(join(network.repository, 'a b', 'odd & name (1).bin'), noise('odd', 300_001))
    await network.origin.start()
    await network.addVolunteers(2)
    await network.waitForState('synced')
    for (const path of ['large.iso', 'a b/odd & name (1).bin']) {
      const folder = clientFolder(t)
      mkdirSync(folder, { recursive: true })
      const name = basename(path)
      const torrent = join(folder, 'file.torrent')
      const url = path.split('/').map(encodeURIComponent).join('/')
      const answer = await get(`${network.origin.url}/${url}.torrent`)
      t.equal(answer.status, 200)
      writeFileSync(torrent, answer.body)
      const before = await originUploadBytes(network)
      // Ended when it has finished: it would seed for ever.
      await transmissionTorrent(torrent, folder, join(folder, 'home'), { timeoutMs: 90_000 })
      t.equal(await hashFile(join(folder, name)), await hashFile(join(network.repository, path)))
      const sent = (await originUploadBytes(network)) - before
      t.ok(sent < 100_000, `the origin sent next to nothing: ${sent} bytes`)
    }
  },
)
