import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { seededRandom } from '../core/clock.ts'
import { lackingBytes } from './delta-fixture.ts'
import { deltaBasis, deltaBundle, deltaPieceBytes } from './fixtures/delta-bundle.ts'
import { MemoryOrigin, TestVolunteer } from './swarm-fixture.ts'

/** While local bytes are copied, and again while the rest is fetched. */
const kills = 3

t.test('killed while local bytes are copied or the rest is fetched, it goes on', async t => {
  const folder = join(t.testdir(), 'volunteer')
  const seed = Date.now() % 1_000_000
  const random = seededRandom(seed)
  t.comment(`seed ${seed}`)
  const bundle = deltaBundle()
  const basis = deltaBasis(bundle)
  let fetchedBytes = 0
  const covered = new Set<string>()
  /** Run the download; kill it once it has said so much. */
  const run = async (isEnough: (lines: readonly string[]) => boolean): Promise<boolean> => {
    const child = spawn(process.execPath, [
      join(import.meta.dirname, 'fixtures/prefill-until-killed.ts'),
      folder,
    ])
    t.teardown(() => {
      child.kill('SIGKILL')
    })
    let text = ''
    let errors = ''
    child.stderr.on('data', part => {
      errors += part
    })
    child.stdout.on('data', part => {
      text += part
      if (isEnough(text.split('\n'))) child.kill('SIGKILL')
    })
    await once(child, 'close')
    const before = new Set(covered)
    for (const line of text.split('\n')) {
      if (line.startsWith('search ')) {
        t.notOk(before.has(line.slice(7)), 'nothing is searched that was covered before')
      } else if (line.startsWith('covered ')) covered.add(line.slice(8))
      else fetchedBytes += Number(line) || 0
    }
    t.equal(errors, '')
    return text.endsWith('done\n')
  }
  for (let kill = 0; kill < kills; kill++) {
    const most = 1 + Math.floor(random() * 150)
    await run(lines => lines.length > most)
  }
  for (let kill = 0; kill < kills; kill++) {
    const most = 1 + Math.floor(random() * 2)
    await run(lines => lines.filter(line => Number(line) > 0).length >= most)
  }
  t.ok(await run(() => false), 'in the end it completes')

  const volunteer = new TestVolunteer(folder, [bundle], new MemoryOrigin([bundle]))
  t.strictSame(await volunteer.placed(bundle), bundle.numbers)
  t.strictSame(await readdir(join(folder, 'partial')), [])
  const missing = lackingBytes(bundle, basis, deltaPieceBytes)
  t.comment(`${fetchedBytes} bytes were fetched, ${missing} were missing`)
  // All of the missing runs may be under way, or in pieces not written yet, each time.
  t.ok(fetchedBytes <= (kills + 1) * missing)
})
