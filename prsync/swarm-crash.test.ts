import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { seededRandom } from '../core/clock.ts'
import { originRequests } from '../core/limits.ts'
import { crashBundle } from './fixtures/crash-bundle.ts'
import { MemoryOrigin, TestVolunteer } from './swarm-fixture.ts'

const pieceBytes = 16 * 1024
const kills = 6

t.test('killed again and again, it fetches nothing twice but pieces in flight', async t => {
  const folder = join(t.testdir(), 'volunteer')
  const seed = Date.now() % 1_000_000
  const random = seededRandom(seed)
  t.comment(`seed ${seed}`)
  const bundle = crashBundle()
  let fetchedBytes = 0
  /** Run the download; kill it once so many bytes have come. */
  const run = async (killAfterBytes: number): Promise<boolean> => {
    const child = spawn(process.execPath, [
      join(import.meta.dirname, 'fixtures/download-until-killed.ts'),
      folder,
    ])
    t.teardown(() => {
      child.kill('SIGKILL')
    })
    let text = ''
    let errors = ''
    let bytes = 0
    child.stderr.on('data', part => {
      errors += part
    })
    child.stdout.on('data', part => {
      text += part
      bytes = text.split('\n').reduce((sum, line) => sum + (Number(line) || 0), 0)
      if (bytes >= killAfterBytes) child.kill('SIGKILL')
    })
    await once(child, 'close')
    fetchedBytes += bytes
    t.equal(errors, '')
    return text.endsWith('done\n')
  }
  for (let kill = 0; kill < kills; kill++) await run(Math.floor(random() * 600_000))
  t.ok(await run(Number.POSITIVE_INFINITY), 'in the end it completes')

  const volunteer = new TestVolunteer(folder, [bundle], new MemoryOrigin([bundle]))
  t.strictSame(await volunteer.placed(bundle), bundle.numbers)
  t.strictSame(await readdir(join(folder, 'partial')), [])
  const again = fetchedBytes - bundle.uniqueBytes
  t.comment(`${again} bytes were fetched twice`)
  // Under way at the origin, and those that were complete but not yet written.
  t.ok(again <= kills * 2 * originRequests * pieceBytes)
})
