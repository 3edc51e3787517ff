// What a volunteer's owner sets holds: for whole processes, measured from outside.

import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readTree } from '../loadtest/compare-trees.ts'
import { waitUntil } from '../loadtest/deadline.ts'
import type { Network, Volunteer } from '../loadtest/network.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { get, prepareNetwork, redirectTarget } from './start-network.ts'

t.setTimeout(240_000)

const MB = 1_000_000

/** A network with files of `sizes` megabytes (file-0.bin …) and one volunteer with `args`. */
const startOne = async (
  t: Test,
  sizes: readonly number[],
  args: readonly string[],
): Promise<{ network: Network; volunteer: Volunteer }> => {
  const network = await prepareNetwork(t)
  sizes.forEach((size, index) => {
    writeFileSync(join(network.repository, `file-${index}.bin`), noise(`limit ${index}`, size * MB))
  })
  await network.origin.start()
  await network.publish()
  return { network, volunteer: await network.addVolunteer({ args }) }
}

/** GET from a chosen loopback address; resolves with the status and the number of bytes. */
const getFrom = (address: string, url: string): Promise<{ status: number; length: number }> =>
  new Promise((resolve, reject) => {
    const sent = request(url, { localAddress: address, agent: false, timeout: 20_000 }, answer => {
      let length = 0
      answer.on('data', part => {
        length += part.length
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, length }))
      answer.on('error', reject)
    })
    sent.on('error', reject)
    sent.end()
  })

t.test('--upload-limit holds for several clients together', async t => {
  const { network } = await startOne(t, [8, 8], ['--upload-limit', '4MB'])
  await network.waitForState('synced')
  const started = performance.now()
  const bodies = await Promise.all(
    [0, 1].map(async index => {
      const url = await redirectTarget(`${network.origin.url}/file-${index}.bin`, `c${index}`)
      return get(url ?? '')
    }),
  )
  const seconds = (performance.now() - started) / 1000
  t.same(
    bodies.map(answer => answer.body.length),
    [8 * MB, 8 * MB],
  )
  t.ok(seconds > 2.5, `16 MB at 4 MB/s took ${seconds.toFixed(1)} s`)
})

t.test('--download-limit slows the synchronisation', async t => {
  const started = performance.now()
  const { network } = await startOne(t, [6, 6], ['--download-limit', '4MB'])
  await network.waitForState('synced')
  const seconds = (performance.now() - started) / 1000
  t.ok(seconds > 2, `12 MB at 4 MB/s took ${seconds.toFixed(1)} s`)
})

t.test('--max-clients: the next one is sent back to the origin', async t => {
  const { network, volunteer } = await startOne(
    t,
    [12],
    ['--max-clients', '2', '--upload-limit', '1MB'],
  )
  await network.waitForState('synced')
  const url = (await redirectTarget(`${network.origin.url}/file-0.bin`, 'reader')) ?? ''
  const abort = new AbortController()
  const slow = await Promise.all([0, 1].map(() => fetch(url, { signal: abort.signal })))
  t.same(
    slow.map(answer => answer.status),
    [200, 200],
  )
  const third = await get(url)
  t.equal(third.status, 307)
  t.match(third.headers.get('location'), `${network.origin.url}/file-0.bin?direct=`)
  abort.abort()
  await waitUntil('a place to be free again', async () => {
    const answer = await fetch(url, { redirect: 'manual' })
    await answer.body?.cancel()
    return answer.status === 200
  })
  t.ok(volunteer.running)
})

t.test('--quota is kept, and what is left out is not wanted', async t => {
  const { network, volunteer } = await startOne(t, [5, 5, 5, 5], ['--quota', '12MB'])
  await network.waitForState('synced')
  const held = await readTree(volunteer.mirror, path => path.startsWith('.mirrorswarm'))
  t.ok(held.size > 0 && held.size <= 2, `${held.size} of 4 files fit`)
  const line = (await network.lines())[0]
  t.ok((line?.heldBytes ?? Number.POSITIVE_INFINITY) <= 12 * MB)
  t.ok((line?.wantedBytes ?? Number.POSITIVE_INFINITY) <= 12 * MB)
  writeFileSync(join(network.repository, 'newest.bin'), noise('newest', 5 * MB))
  await network.publish()
  await network.waitForState('synced')
  const after = await readTree(volunteer.mirror, path => path.startsWith('.mirrorswarm'))
  t.ok(after.has('newest.bin'), 'the newest is kept')
  t.ok(after.size <= 2)
})

t.test('--min-free: nothing is stored that would leave less space', async t => {
  const { network, volunteer } = await startOne(t, [5], ['--min-free', '100000GB'])
  await waitUntil('the volunteer to say why', async () => {
    const line = (await network.lines())[0]
    return (line?.reasons.length ?? 0) > 0
  })
  t.equal((await readTree(volunteer.mirror, path => path.startsWith('.mirrorswarm'))).size, 0)
  t.equal(await redirectTarget(`${network.origin.url}/file-0.bin`, 'reader'), null)
})

t.test('--hours: outside of them it drains and gets no redirects', async t => {
  const hour = (offset: number): string =>
    `${String((new Date().getUTCHours() + offset) % 24).padStart(2, '0')}:00`
  const { network } = await startOne(t, [2], ['--hours', `${hour(2)}-${hour(4)} UTC`])
  await waitUntil('the volunteer to drain', async () => {
    const line = (await network.lines())[0]
    return line?.state === 'draining'
  })
  t.equal(await redirectTarget(`${network.origin.url}/file-0.bin`, 'reader'), null)
  const open = await network.addVolunteer({ args: ['--hours', `${hour(23)}-${hour(2)} UTC`] })
  await network.waitForState('synced', { names: [open.name] })
  const url = await redirectTarget(`${network.origin.url}/file-0.bin`, 'other reader')
  t.ok(url?.startsWith(open.url), 'the open one does')
})

t.test('--network reads without a link, also when the origin is dead; others may not', async t => {
  const { network, volunteer } = await startOne(
    t,
    [4],
    ['--network', '127.0.0.2/32', '--upload-limit', '100KB', '--max-clients', '1'],
  )
  await network.waitForState('synced')
  const url = `${volunteer.url}/file-0.bin`
  t.same(await getFrom('127.0.0.1', url).then(({ status }) => status), 403)
  const started = performance.now()
  t.same(await getFrom('127.0.0.2', url), { status: 200, length: 4 * MB })
  t.ok(performance.now() - started < 5_000, 'its own department is not limited')
  await network.origin.kill()
  t.same(await getFrom('127.0.0.2', url), { status: 200, length: 4 * MB })
  t.equal((await getFrom('127.0.0.1', url)).status, 403)
})

t.test('--include and --exclude: a partial mirror gets redirects for its part alone', async t => {
  const { network, volunteer } = await startOne(
    t,
    [1, 1, 1],
    ['--include', 'file-[01].bin', '--exclude', 'file-1.bin'],
  )
  await network.waitForState('synced')
  const held = await readTree(volunteer.mirror, path => path.startsWith('.mirrorswarm'))
  t.same([...held.keys()], ['file-0.bin'])
  t.ok(await redirectTarget(`${network.origin.url}/file-0.bin`, 'reader'))
  t.equal(await redirectTarget(`${network.origin.url}/file-1.bin`, 'reader'), null)
  t.equal(await redirectTarget(`${network.origin.url}/file-2.bin`, 'reader'), null)
})
