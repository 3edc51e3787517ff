// Downloads that break and go on from another volunteer: `wget -c` and `curl -C -`.

import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { curl, wget } from '../loadtest/clients/downloaders.ts'
import { hashFile } from '../loadtest/compare-trees.ts'
import { bytesServedToClients } from '../loadtest/counters.ts'
import { waitUntil } from '../loadtest/deadline.ts'
import type { Network, Volunteer } from '../loadtest/network.ts'
import { missing, type ProgramResult, type RunOptions } from '../loadtest/programs.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { clientFolder, prepareNetwork } from './start-network.ts'

t.setTimeout(240_000)

type Download = (
  url: string,
  file: string,
  options: RunOptions & { readonly resume?: boolean; readonly args?: readonly string[] },
) => Promise<ProgramResult>

const startPair = async (t: Test): Promise<Network> => {
  // An audit asks for a range without an end and cuts it: some megabytes that no client wanted.
  const network = await prepareNetwork(t, { originArgs: ['--audit-interval', '24h'] })
  writeFileSync(join(network.repository, 'big.iso'), noise('resume', 48_000_000))
  await network.origin.start()
  await network.addVolunteers(2)
  await network.waitForState('synced')
  return network
}

/** Download until a third is there, then kill the client. */
const breakOff = async (download: Download, url: string, file: string): Promise<void> => {
  const abort = new AbortController()
  const running = download(url, file, { args: ['--limit-rate', '8M'], signal: abort.signal })
  const part = waitUntil('a part of the file', () => {
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
    return size > 16_000_000
  })
  const early = await Promise.race([part, running])
  if (typeof early === 'object') throw new Error(`it ended too early: ${early.stderr}`)
  abort.abort()
  await running
}

const whoServed = async (network: Network): Promise<Volunteer> => {
  for (const volunteer of network.volunteers) {
    if ((await bytesServedToClients(network, volunteer)) > 8_000_000) return volunteer
  }
  throw new Error('no volunteer served the first part')
}

for (const [program, download] of [
  ['wget', wget],
  ['curl', curl],
] as const) {
  t.test(
    `${program} resumes from a second volunteer when the first one has gone`,
    { skip: missing(program) },
    async t => {
      const network = await startPair(t)
      const url = `${network.origin.url}/big.iso`
      const file = join(clientFolder(t), 'big.iso')
      await breakOff(download, url, file)
      const partBytes = statSync(file).size
      t.ok(partBytes < 48_000_000, `broken off after ${partBytes} bytes`)

      const first = await whoServed(network)
      await first.stop()
      const second = network.volunteers.find(each => each !== first) as Volunteer
      const resumed = await download(url, file, { resume: true })
      t.equal(resumed.status, 0, `${resumed.stdout}${resumed.stderr}`)
      t.equal(await hashFile(file), await hashFile(join(network.repository, 'big.iso')))
      const served = await bytesServedToClients(network, second)
      const missingBytes = 48_000_000 - partBytes
      t.ok(
        served >= missingBytes && served < missingBytes + partBytes / 2,
        `the second volunteer sent ${served} of the ${missingBytes} missing bytes`,
      )
    },
  )
}
