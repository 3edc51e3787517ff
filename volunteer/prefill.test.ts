// A new version of a file comes over real HTTP as what is new of it: origin and volunteers in one
// process.

import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { eventually, TestNetwork } from '../origin/fixtures/test-network.ts'
import { type RunningVolunteer, startVolunteer } from './main.ts'

t.setTimeout(120_000)

const MiB = 1024 * 1024
const old = randomBytes(5 * MiB)
/** 3 KiB of it are new, and some of the old bytes are gone or have moved. */
const next = Buffer.concat([
  old.subarray(0, MiB),
  randomBytes(1000),
  old.subarray(2 * MiB),
  randomBytes(2000),
  old.subarray(MiB, 1.9 * MiB),
])

const start = async (t: Test, network: TestNetwork, name: string): Promise<RunningVolunteer> => {
  const volunteer = await startVolunteer({
    mirrorDir: join(network.data, '..', name, 'mirror'),
    dataDir: join(network.data, '..', name, 'data'),
    originUrl: network.origin.url,
    token: await network.createToken(),
    listen: { host: '127.0.0.1', port: 0 },
    ...{ publicUrl: null, name, tls: null, include: [], exclude: [], networks: [] },
    ...{ uploadLimitBytesPerSecond: null, downloadLimitBytesPerSecond: null, quotaBytes: null },
    ...{ minFreeBytes: 0, maxClients: null, hours: null, peerPort: 0, bootstrap: null },
    ...{ compression: 'zstd', graceMs: 200, logLevel: 'silent' },
  })
  t.teardown(() => volunteer.stop())
  return volunteer
}

const has = (network: TestNetwork, name: string, path: string, bytes: Buffer): Promise<unknown> =>
  eventually(`${name} to have ${path}`, async () => {
    const file = join(network.data, '..', name, 'mirror', path)
    return (await readFile(file).catch(() => Buffer.alloc(0))).equals(bytes)
  })

/** Bytes that the origin sent to volunteers, as its metrics count them. */
const sentBytes = async (network: TestNetwork): Promise<number> => {
  const { body } = await network.get('/-/metrics')
  const lines = body.toString('latin1').split('\n')
  const line = lines.find(each => /^mirrorswarm_sent_bytes_total\{.*"sync"/.test(each))
  return Number(line?.split(' ').at(-1) ?? 0)
}

t.test('a new version costs little more than what is new in it', async t => {
  const network = await TestNetwork.start(
    t,
    root => {
      mkdirSync(join(root, 'pool'), { recursive: true })
      writeFileSync(join(root, 'pool/tool_1.0.tar'), old)
      writeFileSync(join(root, 'pool/same.bin'), old.subarray(0, 100_000))
    },
    { logLevel: 'silent' },
  )
  await network.waitForSnapshot(1)
  await start(t, network, 'one')
  await has(network, 'one', 'pool/tool_1.0.tar', old)
  const before = await sentBytes(network)
  t.ok(before >= old.length, `${before} bytes sent before`)
  writeFileSync(join(network.repository, 'pool/tool_1.1.tar'), next)
  await network.publish()
  await has(network, 'one', 'pool/tool_1.1.tar', next)
  const cost = (await sentBytes(network)) - before
  t.ok(cost < 20_000, `${cost} bytes for 3,000 new ones`)
})
