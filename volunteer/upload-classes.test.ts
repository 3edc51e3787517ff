// The upload limit with clients and a swarm at the same time: a real swarm between two volunteers and
// a client that downloads from the one that sends, as fast as it is let.

import assert from 'node:assert'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { RateLimiter } from '../core/rate-limiter.ts'
import {
  introduce,
  MemoryOrigin,
  makeBundle,
  startVolunteers,
  until,
} from '../prsync/swarm-fixture.ts'
import { hashedFile, serve } from '../test/file-server.ts'

const MiB = 1024 * 1024
const windowMs = 1_500

/** How fast a counter grows while a window passes, in bytes a second. */
const rateOf = async (counter: () => number): Promise<number> => {
  const [bytes, startMs] = [counter(), performance.now()]
  await sleep(windowMs)
  return (1000 * (counter() - bytes)) / (performance.now() - startMs)
}

/** A client that downloads one file for as long as the test wants. */
const startClient = (t: Test, port: number) => {
  let bytes = 0
  const sent = request({ host: '127.0.0.1', port, agent: false }, answer => {
    answer.on('data', (part: Buffer) => {
      bytes += part.length
    })
    answer.on('error', () => undefined)
  })
  sent.on('error', () => undefined)
  sent.end()
  t.teardown(() => sent.destroy())
  return { bytes: () => bytes, stop: () => sent.destroy() }
}

for (const mebibytesPerSecond of [3, 12]) {
  t.test(`at ${mebibytesPerSecond} MiB/s clients keep their rate while the swarm asks`, async t => {
    const uploadLimiter = new RateLimiter(mebibytesPerSecond * MiB)
    const bundle = makeBundle([12 * mebibytesPerSecond * (MiB / 4)], 256 * 1024)
    const origin = new MemoryOrigin([bundle])
    const [holder, asker] = await startVolunteers(t, 2, [bundle], origin, { uploadLimiter })
    assert(holder && asker)
    introduce(bundle, [holder])
    await holder.download(bundle)
    origin.failure = () => new Error('dead')
    await t.test('beside each other', async t => {
      const { representation, ...source } = await hashedFile(t, 12 * mebibytesPerSecond * MiB)
      const take = (bytes: number, signal: AbortSignal): Promise<void> =>
        uploadLimiter.take(bytes, 'client', signal)
      const { port } = await serve(t, source, representation, { limiter: { take } })
      const uploaded = (): number => holder.swarm.counters().uploadedBytes
      const client = startClient(t, port)
      await until(() => client.bytes() > MiB)
      const alone = await rateOf(client.bytes)
      introduce(bundle, [holder, asker], [asker])
      const stop = new AbortController()
      const download = asker.download(bundle, bundle.numbers, stop.signal)
      download.catch(() => undefined)
      await until(() => asker.swarm.progress().some(torrent => torrent.peers > 0))
      const beside = await rateOf(client.bytes)
      t.comment(`${((100 * beside) / alone).toFixed(0)} % of ${(alone / MiB).toFixed(1)} MiB/s`)
      t.ok(beside >= 0.9 * alone)
      client.stop()
      const rest = await rateOf(uploaded)
      t.comment(`then the swarm gets ${(rest / MiB).toFixed(1)} MiB/s`)
      t.ok(rest >= 0.4 * alone, 'what clients leave is the swarm’s')
      stop.abort(new Error('enough'))
      await t.rejects(download, { message: 'enough' })
    })
  })
}
