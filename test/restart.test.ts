// Starting again: quickly, without reading the tree a second time, and with everyone still enrolled.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fetchedBytes } from '../loadtest/counters.ts'
import { fileTree } from '../loadtest/sample/file-tree.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { get, prepareNetwork, redirectTarget } from './start-network.ts'

t.setTimeout(180_000)

t.test('an origin serves while it hashes for the first time, redirecting nothing', async t => {
  const network = await prepareNetwork(t)
  fileTree(network.repository, { files: 60, bytes: 400_000_000, seed: 5 })
  writeFileSync(join(network.repository, 'index.html'), noise('index', 20_000))
  await network.origin.start()
  t.equal(await network.headSnapshot(), 0, 'nothing is published yet')
  const answer = await get(`${network.origin.url}/index.html`)
  t.equal(answer.status, 200)
  t.ok(answer.body.equals(noise('index', 20_000)))
  t.equal(answer.headers.get('etag')?.includes('sha256') ?? false, false, 'no hash is claimed')
  await network.waitForSnapshot(1)
})

t.test('everyone stops on SIGTERM and starts again on the same data at once', async t => {
  const network = await prepareNetwork(t)
  const [first] = fileTree(network.repository, { files: 100, bytes: 60_000_000, seed: 6 })
  await network.origin.start()
  await network.addVolunteers(2)
  await network.waitForState('synced')
  const snapshot = await network.headSnapshot()

  for (const daemon of [...network.volunteers, network.origin]) {
    t.equal(await daemon.stop(), 0, `${daemon.name} ends with status 0`)
  }
  await network.origin.start()
  t.ok(network.origin.startMs < 3_000, `ready after ${Math.round(network.origin.startMs)} ms`)
  t.equal(await network.headSnapshot(), snapshot, 'the same snapshot')
  await Promise.all(network.volunteers.map(volunteer => volunteer.start()))
  await network.waitForState('synced')
  for (const volunteer of network.volunteers) {
    t.equal(await fetchedBytes(network, volunteer), 0, `${volunteer.name} fetched nothing again`)
  }
  t.ok(await redirectTarget(`${network.origin.url}/${first?.path}`, 'reader'))
  await network.publish()
  t.equal(await network.headSnapshot(), snapshot, 'no change, no new snapshot')
})
