// A stock BitTorrent client with PATH.torrent: the origin's tracker and the volunteers as peers.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import bencode from 'bencode'
import t from 'tap'
import { aria2Torrent } from '../loadtest/clients/downloaders.ts'
import { hashFile } from '../loadtest/compare-trees.ts'
import { originUploadBytes } from '../loadtest/counters.ts'
import { missing } from '../loadtest/programs.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { clientFolder, get, prepareNetwork } from './start-network.ts'

t.setTimeout(240_000)

t.test('aria2c completes PATH.torrent', { skip: missing('aria2c') }, async t => {
  const network = await prepareNetwork(t)
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

  for (const name of ['large.iso', 'small.bin']) {
    t.test(`${name} as it is served`, async t => {
      const folder = clientFolder(t)
      const torrent = join(folder, `${name}.torrent`)
      writeFileSync(torrent, await torrentOf(name))
      const result = await aria2Torrent(torrent, folder)
      t.equal(result.status, 0, `${result.stdout}${result.stderr}`)
      t.equal(await hashFile(join(folder, name)), await hashFile(join(network.repository, name)))
    })
  }

  t.test('with web seeds taken out, all of it comes from peers that the tracker named', async t => {
    const folder = clientFolder(t)
    mkdirSync(folder, { recursive: true })
    const document = bencode.decode(await torrentOf('large.iso')) as Record<string, unknown>
    t.ok('announce' in document, 'there is a tracker')
    delete document['url-list']
    delete document.httpseeds
    const torrent = join(folder, 'large.iso.torrent')
    writeFileSync(torrent, bencode.encode(document))
    const before = await originUploadBytes(network)
    const result = await aria2Torrent(torrent, folder)
    t.equal(result.status, 0, `${result.stdout}${result.stderr}`)
    t.equal(
      await hashFile(join(folder, 'large.iso')),
      await hashFile(join(network.repository, 'large.iso')),
    )
    t.ok((await originUploadBytes(network)) - before < 1_000_000, 'the origin sent next to nothing')
  })
})
