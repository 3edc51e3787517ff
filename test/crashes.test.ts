// kill -9 at random moments, twenty times: the origin while it publishes and while it feeds a
// synchronisation, volunteers while they synchronise. Then everything must converge, with nothing
// lost and nothing fetched twice but what was in flight.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { seededRandom } from '../core/clock.ts'
import { readTree, treeDifferences } from '../loadtest/compare-trees.ts'
import { fetchedBytes } from '../loadtest/counters.ts'
import type { Network, Volunteer } from '../loadtest/network.ts'
import { fileTree, treeSizes } from '../loadtest/sample/file-tree.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { prepareNetwork } from './start-network.ts'

const seed = Number(process.env.MIRRORSWARM_TEST_SEED ?? Date.now() % 1_000_000)
const kills = 20
const volunteers = 3
const roundFiles = 12
const roundBytes = 6_000_000
/** What one kill may cost: pieces in flight, and what was fetched since the counter was last read. */
const wastePerKillBytes = 3 * 2 ** 20

t.setTimeout(400_000)

/** Adds up what volunteers fetched, over their restarts. */
class FetchCounter {
  readonly #network: Network
  #ended = 0

  constructor(network: Network) {
    this.#network = network
  }

  async beforeKill(volunteer: Volunteer): Promise<void> {
    this.#ended += await fetchedBytes(this.#network, volunteer)
  }

  async total(): Promise<number> {
    let total = this.#ended
    for (const volunteer of this.#network.volunteers) {
      total += await fetchedBytes(this.#network, volunteer)
    }
    return total
  }
}

/** Add a round's files and take one older file away; returns the bytes added. */
const change = (root: string, round: number): number => {
  const sizes = treeSizes({ files: roundFiles, bytes: roundBytes, seed: seed + round })
  sizes.forEach((size, index) => {
    const file = join(root, `round-${round}/file-${index}.bin`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, noise(`${seed} ${round} ${index}`, size))
  })
  if (round > 2) rmSync(join(root, `round-${round - 2}/file-0.bin`))
  return roundBytes
}

t.test('twenty kill -9 at random moments lose nothing and waste little', async t => {
  t.comment(`seed ${seed}`)
  const random = seededRandom(seed)
  const network = await prepareNetwork(t)
  let publishedBytes = 30_000_000
  fileTree(network.repository, { files: 60, bytes: publishedBytes, seed })
  await network.origin.start()
  await network.addVolunteers(volunteers)
  const counter = new FetchCounter(network)
  const killed = { publishing: 0, feeding: 0, synchronising: 0 }

  for (let round = 1; round <= kills; round++) {
    publishedBytes += change(network.repository, round)
    const way = round % 4
    if (way === 0) {
      const publishing = network.command('publish', '--data', network.data)
      await pause(random() * 1_200)
      await network.origin.kill()
      await publishing
      await network.origin.start()
      killed.publishing++
    } else {
      await network.publish()
      await pause(random() * 600)
      if (way === 1) {
        await network.origin.kill()
        await pause(random() * 300)
        await network.origin.start()
        killed.feeding++
      } else {
        const victim = network.volunteers[Math.floor(random() * volunteers)] as Volunteer
        await counter.beforeKill(victim)
        await victim.kill()
        await pause(random() * 300)
        await victim.start()
        killed.synchronising++
      }
    }
  }
  t.comment(`killed ${JSON.stringify(killed)}`)

  await network.publish()
  await network.waitForState('synced', { timeoutMs: 120_000 })
  const expected = await readTree(network.repository)
  for (const volunteer of network.volunteers) {
    const found = await readTree(volunteer.mirror, path => path.startsWith('.mirrorswarm'))
    const lost = treeDifferences(expected, found).filter(line => !line.startsWith('too much'))
    t.same(lost.slice(0, 5), [], `${volunteer.name} has everything`)
  }
  const fetched = await counter.total()
  const needed = publishedBytes * volunteers
  t.comment(`fetched ${fetched} bytes where ${needed} were needed`)
  t.ok(fetched <= needed + kills * wastePerKillBytes, 'only pieces in flight were fetched twice')
})
