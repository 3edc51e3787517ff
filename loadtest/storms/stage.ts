// The network of a load test: an origin with the release, volunteers that hold all of it, and where
// credentials are asked for, clients that have some.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Network } from '../network.ts'
import { type ReleaseOptions, usualRelease, writeRelease } from './release.ts'
import type { Workload } from './workload-format.ts'

export interface Stage {
  readonly network: Network
  readonly release: ReleaseOptions
  /** The JSON file that k6's users read. */
  readonly workloadFile: string
}

/** Enough for each of them to be guessed at by others. */
const clients = 8

const addClients = async (network: Network): Promise<Workload['credentials']> => {
  const added: { user: string; secret: string }[] = []
  for (let number = 1; number <= clients; number++) {
    const user = `lab-${number}`
    const answer = await network.operate('client', 'add', user)
    if (typeof answer !== 'object' || answer === null || !('secret' in answer)) {
      throw new Error(`client add answered ${JSON.stringify(answer)}`)
    }
    added.push({ user, secret: String(answer.secret) })
  }
  return added
}

export interface StageOptions {
  readonly volunteers: number
  readonly closed: boolean
  readonly release?: ReleaseOptions
}

/** Start everything and wait until all volunteers hold all. */
export const startStage = async (options: StageOptions): Promise<Stage> => {
  const release = options.release ?? usualRelease
  const network = await Network.prepare({
    name: 'storm',
    originArgs: [
      ...['--settle', '0s', '--log-level', 'warn', '--announce-interval', '5s'],
      // Whoever says where it comes from is believed, for the test with one address.
      ...['--trusted-proxy', '127.0.0.1/32'],
      ...(options.closed ? ['--require-clients'] : []),
    ],
  })
  try {
    const workload = writeRelease(network.repository, release)
    await network.origin.start()
    await network.waitForSnapshot(1)
    await network.addVolunteers(options.volunteers, { args: ['--log-level', 'warn'] })
    await network.waitForState('synced', { timeoutMs: 180_000 })
    const credentials = options.closed ? await addClients(network) : []
    const workloadFile = join(network.folder, 'workload.json')
    writeFileSync(workloadFile, JSON.stringify({ ...workload, credentials }))
    return { network, release, workloadFile }
  } catch (error) {
    await network.stop()
    throw error
  }
}
