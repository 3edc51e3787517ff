// Whole processes: a gzip file whose text changed a little is not sent again, whoever packed it and
// whatever happens on the way.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { readTree, treeDifferences } from '../loadtest/compare-trees.ts'
import { waitUntil } from '../loadtest/deadline.ts'
import type { Network, Volunteer } from '../loadtest/network.ts'
import { missing } from '../loadtest/programs.ts'
import { TcpProxy } from '../loadtest/tcp-proxy.ts'
import { indexText } from '../prsync/unpacked/test-form.ts'
import { prepareNetwork } from './start-network.ts'

t.setTimeout(300_000)

const entries = 12_000
const before = indexText(entries)
/** Some thirty entries are newer. */
const newer = (text: string, version: string): string => {
  let count = 0
  return text.replace(/^Version: 7\.3-1$/gm, line =>
    count++ % 8 === 0 ? `Version: ${version}` : line,
  )
}

const packers = {
  zlib: (text: string): Buffer => gzipSync(text, { level: 6 }),
  gzip: (text: string): Buffer =>
    execFileSync('gzip', ['-9nc'], { input: text, maxBuffer: 2 ** 28 }),
}

interface Watched {
  readonly network: Network
  readonly proxy: TcpProxy
  readonly volunteer: Volunteer
}

/** One volunteer behind a proxy that counts, with `file` as its only index. */
const start = async (t: Test, file: Buffer): Promise<Watched> => {
  const network = await prepareNetwork(t, { originArgs: ['--scan-interval', '1h'] })
  mkdirSync(join(network.repository, 'main'))
  writeFileSync(join(network.repository, 'main/index.gz'), file)
  await network.origin.start()
  const { hostname, port } = new URL(network.origin.url)
  const proxy = await TcpProxy.start({ host: hostname, port: Number(port) })
  t.teardown(() => proxy.stop())
  const originUrl = `http://127.0.0.1:${proxy.port}`
  const volunteer = await network.addVolunteer({ originUrl, args: ['--compression', 'none'] })
  await network.waitForState('synced')
  return { network, proxy, volunteer }
}

const wireBytes = ({ proxy }: Watched): number => proxy.sentBytes + proxy.receivedBytes

const hasFiles = (folder: string): boolean => existsSync(folder) && readdirSync(folder).length > 0

/** The mirror is the repository, and nothing is left of what was looked into. */
const checkDone = async (t: Test, { network, volunteer }: Watched): Promise<void> => {
  await network.waitForState('synced')
  const expected = await readTree(network.repository)
  t.same(treeDifferences(expected, await readTree(volunteer.mirror)), [])
  t.notOk(hasFiles(join(volunteer.data, 'inside')))
}

for (const [name, pack] of Object.entries(packers)) {
  const skip = name === 'gzip' ? missing('gzip') : false
  t.test(`a newer index packed by ${name} costs little`, { skip }, async t => {
    const watched = await start(t, pack(before))
    const { network } = watched
    const file = pack(newer(before, '8-1'))
    const sent = wireBytes(watched)
    writeFileSync(join(network.repository, 'main/index.gz'), file)
    await network.waitForSnapshot(await network.publish())
    await checkDone(t, watched)
    const cost = wireBytes(watched) - sent
    t.ok(cost < file.length / 8, `${cost} of ${file.length} bytes`)
  })
}

t.test('a volunteer killed while it looks inside begins anew', async t => {
  const watched = await start(t, packers.zlib(before.repeat(4)))
  const { network, volunteer } = watched
  const scratch = join(volunteer.data, 'inside')
  const file = packers.zlib(newer(before.repeat(4), '8-1'))
  writeFileSync(join(network.repository, 'main/index.gz'), file)
  await network.publish()
  await waitUntil('scratch files', () => hasFiles(scratch), {
    everyMs: 2,
  })
  await volunteer.kill()
  t.ok(hasFiles(scratch), 'killed in the middle')
  await volunteer.start()
  await checkDone(t, watched)
})
