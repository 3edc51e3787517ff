// Ten volunteers synchronise the same tree at once: a twentieth of bench/swarm.ts.

import t from 'tap'
import { openSwarmFiles } from '../core/limits.ts'
import { readTree, treeDifferences } from '../loadtest/compare-trees.ts'
import { originUploadBytes } from '../loadtest/counters.ts'
import { fileTree } from '../loadtest/sample/file-tree.ts'
import { prepareNetwork } from './start-network.ts'

const files = 200
const bytes = 50 * 2 ** 20

t.setTimeout(180_000)

t.test('ten volunteers get 50 MiB in 200 files at once, mostly from each other', async t => {
  const network = await prepareNetwork(t)
  fileTree(network.repository, { files, bytes, seed: 10 })
  await network.origin.start()
  await network.publish()
  let openFiles = 0
  const sampler = setInterval(() => {
    for (const volunteer of network.volunteers) {
      openFiles = Math.max(openFiles, volunteer.openFiles(/^\//))
    }
  }, 250)
  try {
    await network.addVolunteers(10)
    await network.waitForState('synced', { timeoutMs: 120_000 })
  } finally {
    clearInterval(sampler)
  }
  const uploaded = await originUploadBytes(network)
  const ratio = uploaded / bytes
  t.ok(ratio <= 3, `the origin sent ${ratio.toFixed(2)} × the unique bytes`)
  // The swarm's files, its database, and what Node itself keeps open.
  t.ok(openFiles <= openSwarmFiles + 64, `at most ${openFiles} files open in one volunteer`)

  const expected = await readTree(network.repository)
  for (const volunteer of network.volunteers) {
    const found = await readTree(volunteer.mirror, path => path.startsWith('.mirrorswarm'))
    t.same(treeDifferences(expected, found).slice(0, 5), [], `${volunteer.name} is identical`)
  }
})
