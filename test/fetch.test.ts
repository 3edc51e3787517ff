// `mirrorswarm fetch` as a process of its own, against real volunteers: killed in the middle, and in a
// pipe.

import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { hashFile } from '../loadtest/compare-trees.ts'
import { bytesServedToClients } from '../loadtest/counters.ts'
import { commandFile } from '../loadtest/daemon.ts'
import { waitUntil } from '../loadtest/deadline.ts'
import { plainEnvironment, run } from '../loadtest/programs.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { clientFolder, prepareNetwork } from './start-network.ts'

t.setTimeout(240_000)

t.test('fetch goes on after kill -9, and pipes', async t => {
  const network = await prepareNetwork(t)
  const size = 40_000_000
  const original = join(network.repository, 'large.iso')
  writeFileSync(original, noise('fetched', size))
  await network.origin.start()
  // Slow enough that it can be caught in the middle.
  await network.addVolunteers(2, { args: ['--upload-limit', '5MB/s'] })
  await network.waitForState('synced')
  const folder = clientFolder(t)
  const words = [
    ...['fetch', `${network.origin.url}/large.iso`, '--known-origins', join(folder, 'known')],
    ...['--netrc-file', join(folder, 'netrc')],
  ]
  const served = async (): Promise<number> => {
    let bytes = 0
    for (const volunteer of network.volunteers) {
      bytes += await bytesServedToClients(network, volunteer)
    }
    return bytes
  }

  const target = join(folder, 'large.iso')
  const killed = spawn(process.execPath, [commandFile, ...words, '-o', target], {
    env: plainEnvironment(),
    stdio: 'ignore',
  })
  const ended = new Promise(resolve => killed.once('close', resolve))
  const before = await served()
  await waitUntil('a third of the file', async () => (await served()) - before > size / 3, {
    timeoutMs: 60_000,
    everyMs: 50,
  })
  killed.kill('SIGKILL')
  await ended
  t.strictSame(
    readdirSync(folder).filter(name => name.endsWith('large.iso')),
    [],
  )
  t.equal(readdirSync(folder).filter(name => name.endsWith('.partial')).length, 1)

  const second = await run(process.execPath, [commandFile, ...words, '-o', target], {
    env: plainEnvironment(),
  })
  t.equal(second.status, 0, second.stderr)
  t.match(second.stderr, /are here already/)
  t.equal(await hashFile(target), await hashFile(original))
  t.equal(statSync(target).size, size)

  const piped = await run(
    'sh',
    ['-c', `"$@" -o - > "${folder}/piped"`, 'sh', process.execPath, commandFile, ...words],
    { env: plainEnvironment() },
  )
  t.equal(piped.status, 0, piped.stderr)
  t.ok(readFileSync(join(folder, 'piped')).equals(readFileSync(original)))
})
