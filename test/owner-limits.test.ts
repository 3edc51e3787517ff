// What a volunteer's owner sets holds: for whole processes, measured from outside.

import { mkdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readTree } from '../loadtest/compare-trees.ts'
import { waitUntil } from '../loadtest/deadline.ts'
import { Network, type Volunteer, type VolunteerLine } from '../loadtest/network.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { get, redirectTarget } from './start-network.ts'

t.setTimeout(240_000)

const MB = 1_000_000

/** Each volunteer mirrors the folder of its step alone. Sizes in megabytes of file-0.bin, file-1.bin … */
const folders = {
  upload: [8, 8],
  download: [6, 6],
  clients: [12],
  quota: [5, 5, 5, 5],
  free: [5],
  hours: [2],
  parts: [1, 1, 1],
  network: [4],
} as const

type Folder = keyof typeof folders

const network = await Network.prepare({ name: 'limits' })
t.teardown(() => network.stop())
for (const [folder, sizes] of Object.entries(folders)) {
  mkdirSync(join(network.repository, folder))
  sizes.forEach((size, index) => {
    const file = join(network.repository, folder, `file-${index}.bin`)
    writeFileSync(file, noise(`${folder} ${index}`, size * MB))
  })
}
await network.origin.start()
await network.publish()

/** A volunteer of `folder` with `args`, for this step. */
const startOne = async (t: Test, folder: Folder, args: readonly string[]): Promise<Volunteer> => {
  const whole = args.includes('--include') ? [] : ['--include', `${folder}/**`]
  const volunteer = await network.addVolunteer({ args: [...whole, ...args] })
  t.teardown(() => volunteer.kill())
  return volunteer
}

const lineOf = async ({ name }: Volunteer): Promise<VolunteerLine | undefined> =>
  (await network.lines()).find(line => line.name === name)

const synced = ({ name }: Volunteer): Promise<void> =>
  network.waitForState('synced', { names: [name] })

/** The origin's URL of a file. */
const urlOf = (folder: Folder, index: number): string =>
  `${network.origin.url}/${folder}/file-${index}.bin`

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
  await synced(await startOne(t, 'upload', ['--upload-limit', '4MB']))
  const started = performance.now()
  const bodies = await Promise.all(
    [0, 1].map(async index =>
      get((await redirectTarget(urlOf('upload', index), `c${index}`)) ?? ''),
    ),
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
  await synced(await startOne(t, 'download', ['--download-limit', '4MB']))
  const seconds = (performance.now() - started) / 1000
  t.ok(seconds > 2, `12 MB at 4 MB/s took ${seconds.toFixed(1)} s`)
})

t.test('--max-clients: the next one is sent back to the origin', async t => {
  const limits = ['--max-clients', '2', '--upload-limit', '1MB']
  const volunteer = await startOne(t, 'clients', limits)
  await synced(volunteer)
  const url = (await redirectTarget(urlOf('clients', 0), 'reader')) ?? ''
  const abort = new AbortController()
  const slow = await Promise.all([0, 1].map(() => fetch(url, { signal: abort.signal })))
  t.same(
    slow.map(answer => answer.status),
    [200, 200],
  )
  const third = await get(url)
  t.equal(third.status, 307)
  t.match(third.headers.get('location'), `${urlOf('clients', 0)}?direct=`)
  abort.abort()
  await waitUntil('a place to be free again', async () => {
    const answer = await fetch(url, { redirect: 'manual' })
    await answer.body?.cancel()
    return answer.status === 200
  })
  t.ok(volunteer.running)
})

t.test('--quota is kept, and what is left out is not wanted', async t => {
  const volunteer = await startOne(t, 'quota', ['--quota', '12MB'])
  await synced(volunteer)
  const held = await readTree(volunteer.mirror, path => path.startsWith('.mirrorswarm'))
  t.ok(held.size > 0 && held.size <= 2, `${held.size} of 4 files fit`)
  const line = await lineOf(volunteer)
  t.ok((line?.heldBytes ?? Number.POSITIVE_INFINITY) <= 12 * MB)
  t.ok((line?.wantedBytes ?? Number.POSITIVE_INFINITY) <= 12 * MB)
  writeFileSync(join(network.repository, 'quota/newest.bin'), noise('newest', 5 * MB))
  await network.publish()
  await synced(volunteer)
  const after = await readTree(volunteer.mirror, path => path.startsWith('.mirrorswarm'))
  t.ok(after.has('quota/newest.bin'), 'the newest is kept')
  t.ok(after.size <= 2)
})

t.test('--min-free: nothing is stored that would leave less space', async t => {
  const volunteer = await startOne(t, 'free', ['--min-free', '100000GB'])
  await waitUntil('the volunteer to say why', async () => {
    const line = await lineOf(volunteer)
    return (line?.reasons.length ?? 0) > 0
  })
  t.equal((await readTree(volunteer.mirror, path => path.startsWith('.mirrorswarm'))).size, 0)
  t.equal(await redirectTarget(urlOf('free', 0), 'reader'), null)
})

t.test('--hours: outside of them it drains and gets no redirects', async t => {
  const hour = (offset: number): string =>
    `${String((new Date().getUTCHours() + offset) % 24).padStart(2, '0')}:00`
  const closed = await startOne(t, 'hours', ['--hours', `${hour(2)}-${hour(4)} UTC`])
  await waitUntil(
    'the volunteer to drain',
    async () => (await lineOf(closed))?.state === 'draining',
  )
  t.equal(await redirectTarget(urlOf('hours', 0), 'reader'), null)
  const open = await startOne(t, 'hours', ['--hours', `${hour(23)}-${hour(2)} UTC`])
  await synced(open)
  const url = await redirectTarget(urlOf('hours', 0), 'other reader')
  t.ok(url?.startsWith(open.url), 'the open one does')
})

t.test('--include and --exclude: a partial mirror gets redirects for its part alone', async t => {
  const globs = ['--include', 'parts/file-[01].bin', '--exclude', 'parts/file-1.bin']
  const volunteer = await startOne(t, 'parts', globs)
  await synced(volunteer)
  const held = await readTree(volunteer.mirror, path => path.startsWith('.mirrorswarm'))
  t.same([...held.keys()], ['parts/file-0.bin'])
  t.ok(await redirectTarget(urlOf('parts', 0), 'reader'))
  t.equal(await redirectTarget(urlOf('parts', 1), 'reader'), null)
  t.equal(await redirectTarget(urlOf('parts', 2), 'reader'), null)
})

// The last one: it kills the origin.
t.test('--network reads without a link, also when the origin is dead; others may not', async t => {
  const own = ['--network', '127.0.0.2/32', '--upload-limit', '100KB', '--max-clients', '1']
  const volunteer = await startOne(t, 'network', own)
  await synced(volunteer)
  const url = `${volunteer.url}/network/file-0.bin`
  t.same(await getFrom('127.0.0.1', url).then(({ status }) => status), 403)
  const started = performance.now()
  t.same(await getFrom('127.0.0.2', url), { status: 200, length: 4 * MB })
  // By its limit it would take 40 s.
  t.ok(performance.now() - started < 20_000, 'its own department is not limited')
  await network.origin.kill()
  t.same(await getFrom('127.0.0.2', url), { status: 200, length: 4 * MB })
  t.equal((await getFrom('127.0.0.1', url)).status, 403)
})
