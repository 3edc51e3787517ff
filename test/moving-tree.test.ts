// The tree is edited, in every way that administrators edit trees, while clients read and publishes
// run: no complete answer may carry a hash that its bytes do not have.

import { renameSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { seededRandom } from '../core/clock.ts'
import { sha256Hex } from '../core/keys.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { prepareNetwork } from './start-network.ts'

const seed = Number(process.env.MIRRORSWARM_TEST_SEED ?? Date.now() % 1_000_000)
const files = 40
const testMs = 15_000

t.setTimeout(180_000)

t.test('no answer ever carries a hash that its bytes do not have', async t => {
  t.comment(`seed ${seed}`)
  const random = seededRandom(seed)
  const network = await prepareNetwork(t)
  const sizeOf = (index: number): number =>
    index === 0 ? 12_000_000 : index % 4 === 0 ? 900_000 : 5_000 + index * 1_000
  const fileOf = (index: number): string => join(network.repository, `file-${index}.bin`)
  for (let index = 0; index < files; index++) {
    writeFileSync(fileOf(index), noise(`${index} 0`, sizeOf(index)))
  }
  await network.origin.start()
  await network.addVolunteers(2)
  await network.waitForState('synced')

  let edits = 0
  const edit = (): void => {
    const index = Math.floor(random() * files)
    const file = fileOf(index)
    const bytes = noise(`${index} ${++edits}`, sizeOf(index))
    const way = Math.floor(random() * 4)
    if (way === 0) writeFileSync(file, bytes, { flag: 'r+' })
    else if (way === 1) {
      truncateSync(file, Math.floor(bytes.length / 2))
      writeFileSync(file, bytes)
    } else if (way === 2) writeFileSync(file, noise(`longer ${edits}`, bytes.length + 4_000))
    else {
      writeFileSync(`${file}.new`, bytes)
      renameSync(`${file}.new`, file)
    }
  }

  const seen = { whole: 0, redirected: 0, refused: 0, broken: 0 }
  const wrong: string[] = []
  const read = async (reader: number): Promise<void> => {
    const index = Math.floor(random() * files)
    const url = `${network.origin.url}/file-${index}.bin${random() < 0.5 ? '?direct' : ''}`
    try {
      const answer = await fetch(url, {
        headers: { 'user-agent': `reader-${reader}` },
        signal: AbortSignal.timeout(20_000),
      })
      const body = Buffer.from(await answer.arrayBuffer())
      if (answer.redirected) seen.redirected++
      if (answer.status !== 200) {
        seen.refused++
        return
      }
      seen.whole++
      const claimed = answer.headers.get('etag')
      if (claimed !== `"sha256-${sha256Hex(body)}"`) wrong.push(`${url}: ${claimed}`)
      const digest = answer.headers.get('repr-digest')
      const real = Buffer.from(sha256Hex(body), 'hex').toString('base64')
      if (digest !== `sha-256=:${real}:`) wrong.push(`${url}: ${digest}`)
    } catch {
      // Cut off because the file changed under it: the client knows that it has not got the file.
      seen.broken++
    }
  }

  const end = performance.now() + testMs
  const reading = Array.from({ length: 6 }, async (_, reader) => {
    while (performance.now() < end) await read(reader)
  })
  const publishing = (async () => {
    while (performance.now() < end) await network.command('publish', '--data', network.data)
  })()
  const editing = (async () => {
    while (performance.now() < end) {
      edit()
      await new Promise(resolve => setTimeout(resolve, 3 + random() * 40))
    }
  })()
  await Promise.all([...reading, publishing, editing])

  t.comment(`${edits} edits, ${JSON.stringify(seen)}`)
  t.same(wrong.slice(0, 5), [])
  t.ok(seen.whole > 50, 'many answers were complete')
  t.ok(seen.redirected > 0, 'some came from volunteers')
  await network.publish()
  await network.waitForState('synced')
})
