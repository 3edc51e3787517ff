// Whole processes: what a volunteer holds already is not sent again, whatever it is called and
// wherever it lies in a new file.

import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readTree, treeDifferences } from '../loadtest/compare-trees.ts'
import { fetchedBytes } from '../loadtest/counters.ts'
import { missing } from '../loadtest/programs.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { clientFolder, prepareNetwork } from './start-network.ts'

t.setTimeout(300_000)

const packageCount = 24
const packageBytes = 400_000

t.test('a new version, a renamed file and an image of what is held', async t => {
  const network = await prepareNetwork(t)
  const inTree = (path: string): string => join(network.repository, path)
  mkdirSync(inTree('pool'), { recursive: true })
  for (let index = 0; index < packageCount; index++) {
    writeFileSync(inTree(`pool/p${index}_1.0_all.deb`), noise(`package ${index}`, packageBytes))
  }
  const old = noise('version one', 8_000_000)
  writeFileSync(inTree('pool/tool_1.0.tar'), old)
  writeFileSync(inTree('pool/renamed.iso'), noise('renamed', 3_000_000))
  await network.origin.start()
  const volunteer = await network.addVolunteer()
  await network.waitForState('synced')

  /** Publish, wait, compare the trees; the bytes of contents that the volunteer fetched meanwhile. */
  const follow = async (): Promise<number> => {
    const before = await fetchedBytes(network, volunteer)
    await network.waitForSnapshot(await network.publish('--allow-shrink'))
    await network.waitForState('synced')
    const expected = await readTree(network.repository)
    const differences = treeDifferences(expected, await readTree(volunteer.mirror))
    // What is retired stays for a while.
    t.same(
      differences.filter(each => !each.startsWith('too much: ')),
      [],
    )
    return (await fetchedBytes(network, volunteer)) - before
  }

  await t.test('a new version costs what is new in it', async t => {
    const fresh = noise('version two', 100_000)
    const parts = [old.subarray(0, 3_000_001), fresh, old.subarray(3_000_500)]
    writeFileSync(inTree('pool/tool_1.1.tar'), Buffer.concat(parts))
    const bytes = await follow()
    t.ok(bytes >= fresh.length && bytes < 1.2 * fresh.length, `${bytes} bytes for ${fresh.length}`)
  })

  await t.test('a renamed file costs nothing', async t => {
    renameSync(inTree('pool/renamed.iso'), inTree('pool/another name.iso'))
    t.equal(await follow(), 0)
  })

  await t.test('an image costs its own structure only', { skip: missing('xorriso') }, async t => {
    const folder = join(clientFolder(t), 'image')
    mkdirSync(folder)
    for (let index = 0; index < packageCount; index++) {
      cpSync(inTree(`pool/p${index}_1.0_all.deb`), join(folder, `p${index}_1.0_all.deb`))
    }
    const image = inTree('pool/image.iso')
    const quiet = { stdio: 'ignore' } as const
    execFileSync('xorriso', ['-as', 'mkisofs', '-r', '-J', '-o', image, folder], quiet)
    const bytes = await follow()
    t.ok(bytes < 0.03 * packageCount * packageBytes, `${bytes} bytes`)
  })
})
