// Whole processes beside a real rsync daemon: an origin that publishes what it has, and a volunteer
// that begins with it and goes on by swarm.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readTree, treeDifferences } from '../loadtest/compare-trees.ts'
import { fetchedBytes } from '../loadtest/counters.ts'
import { missing } from '../loadtest/programs.ts'
import { startRsyncDaemon } from '../loadtest/rsync-daemon.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { clientFolder, prepareNetwork } from './start-network.ts'

t.setTimeout(240_000)

t.test('--upstream and --bootstrap with rsync', { skip: missing('rsync') }, async t => {
  const folder = clientFolder(t)
  const server = join(folder, 'server')
  mkdirSync(join(server, 'pool/deep'), { recursive: true })
  writeFileSync(join(server, 'pool/large.iso'), noise('rsync large', 8_000_000))
  for (let index = 0; index < 50; index++) {
    writeFileSync(join(server, `pool/deep/f ${index}`), noise(`rsync ${index}`, 20_000))
  }
  const daemon = await startRsyncDaemon(server, join(folder, 'rsyncd'))
  t.teardown(() => daemon.stop())
  const network = await prepareNetwork(t, { originArgs: ['--upstream', daemon.url] })
  await network.origin.start()

  const args = ['--bootstrap', daemon.url, '--min-free', '0']
  const volunteer = await network.addVolunteer({ args })
  await network.waitForState('synced')
  const expected = await readTree(server)
  t.same(treeDifferences(expected, await readTree(network.repository)), [])
  t.same(treeDifferences(expected, await readTree(volunteer.mirror)), [])
  const first = await fetchedBytes(network, volunteer)
  t.ok(first < 1_000_000, `${first} bytes came by swarm`)

  writeFileSync(join(server, 'pool/new.deb'), noise('rsync new', 3_000_000))
  await network.operate('publish')
  await network.waitForState('synced')
  t.same(treeDifferences(await readTree(server), await readTree(volunteer.mirror)), [])
  t.ok((await fetchedBytes(network, volunteer)) - first >= 3_000_000, 'and this came by swarm')

  await volunteer.stop()
  await volunteer.start()
  await network.waitForState('synced')
})

t.test('what is no rsync server is refused at the start', async t => {
  const network = await prepareNetwork(t)
  for (const text of ['--rsh=x', 'host:folder', '/etc']) {
    const origin = await network.command('origin', network.repository, `--upstream=${text}`)
    t.equal(origin.status, 2, text)
    t.match(origin.stderr, /neither rsync:\/\/HOST\/MODULE nor HOST::MODULE/)
  }
})
