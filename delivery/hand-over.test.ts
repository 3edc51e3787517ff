// Names for a web server in front lead to the file that was looked at, or are not given out.

import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { testFolder } from '../core/fixtures/test-folder.ts'
import type { Sha256 } from '../core/ids.ts'
import { silentLogger } from '../core/log.ts'
import { handedNameMs } from '../core/serving-limits.ts'
import { guardOf } from './guarded-file.ts'
import { HandOver } from './hand-over.ts'

const hashes = ['a', 'b', 'c'].map(digit => digit.repeat(64) as Sha256)
const [first = '' as Sha256, second = '' as Sha256, third = '' as Sha256] = hashes

const prepare = async (t: Test, names = 100) => {
  const base = testFolder(t)
  const folder = join(base, 'handed')
  const file = join(base, 'file')
  await mkdir(folder)
  await writeFile(join(folder, first), 'of an earlier process')
  await writeFile(join(folder, 'notes'), 'of somebody else')
  await writeFile(file, 'right')
  await chmod(file, 0o644)
  const clock = { now: 0, monotonicMs: (): number => clock.now }
  const parts = { clock, logger: silentLogger }
  const handOver = new HandOver(parts, { prefix: '/handed/', folder, names })
  const place = async (...asked: Parameters<HandOver['place']>): Promise<string | null> =>
    (await handOver.place(...asked))?.name ?? null
  await handOver.start()
  t.teardown(() => handOver.stop())
  const guard = async () => {
    const { changedNs: _, ...kept } = guardOf(await stat(file, { bigint: true }))
    return kept
  }
  return { base, folder, file, clock, handOver, place, guard, parts }
}

t.test('a name leads to the file, whatever becomes of its path', async t => {
  const { base, folder, file, handOver, place, guard } = await prepare(t)
  t.same(await readdir(folder), ['notes'], 'only what is its own was removed')
  const before = await guard()
  const places = await Promise.all(hashes.concat(first).map(each => place(each, file, before)))
  t.same(
    places,
    [first, second, third, first].map(each => `/handed/${each}`),
  )
  await writeFile(join(base, 'new'), 'wrong')
  await rename(join(base, 'new'), file)
  t.equal(await readFile(join(folder, first), 'utf8'), 'right')
  t.equal(await place(first, file, before), `/handed/${first}`, 'the name is the file still')
  const after = await guard()
  t.equal(await place(first, file, after), `/handed/${first}`)
  t.equal(await readFile(join(folder, first), 'utf8'), 'wrong', 'the file that is verified now')
  await handOver.stop()
  t.same(await readdir(folder), ['notes'])
})

t.test('what is another file, secret, gone or too much is not handed over', async t => {
  const { base, folder, file, place, guard } = await prepare(t, 2)
  const before = await guard()
  t.equal(await place(first, join(base, 'none'), before), null)
  await chmod(file, 0o600)
  t.equal(await place(first, file, before), null, 'the server might not read it')
  await chmod(file, 0o644)
  t.ok(await place(first, file, before))
  await writeFile(file, 'changed in place')
  t.equal(await place(first, file, before), null)
  const after = await guard()
  t.ok(await place(first, file, after))
  t.ok(await place(second, file, after))
  t.equal(await place(third, file, after), null, 'names are bounded')
  t.ok(await place(first, file, after), 'those that are there are not')
  t.same((await readdir(folder)).sort(), [first, second, 'notes'])
})

t.test('a name that was told is found again at once while all is as it was', async t => {
  const { base, folder, file, clock, handOver, place, guard } = await prepare(t)
  const now = (sha256: Sha256): string | null => handOver.findNow(sha256)?.name ?? null
  const known = await guard()
  t.equal(now(first), null, 'not told yet')
  await place(first, file, known)
  t.equal(now(first), `/handed/${first}`)
  clock.now = handedNameMs
  t.equal(now(first), `/handed/${first}`)
  await handOver.sweep()
  t.equal(now(first), `/handed/${first}`, 'it was used')
  clock.now = 2 * handedNameMs
  const swept = handOver.sweep()
  t.equal(now(first), null, 'it is being removed')
  await swept
  await place(second, file, known)
  await place(first, file, known)
  clock.now = 3 * handedNameMs
  const sweptAgain = handOver.sweep()
  t.ok(now(first), 'used while another is removed')
  await sweptAgain
  t.same((await readdir(folder)).sort(), [first, 'notes'])

  const ways: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['the name is gone', () => rm(join(folder, first))],
    ['it became secret', () => chmod(file, 0o600)],
    ['the file was changed in place', () => writeFile(file, 'wrong')],
    ['the file was moved away', () => rename(file, join(base, 'moved'))],
  ]
  for (const [why, happens] of ways) {
    t.equal(await place(first, file, await guard()), `/handed/${first}`)
    t.ok(now(first))
    await happens()
    t.equal(now(first), null, why)
    if (why.includes('secret')) await chmod(file, 0o644)
    t.equal(now(first), null, 'until it is placed anew')
  }
  await writeFile(join(base, 'other'), 'another')
  await rename(join(base, 'other'), file)
  t.equal(await place(first, file, await guard()), `/handed/${first}`)
  await handOver.stop()
  t.equal(now(first), null, 'stopped')
})

t.test('names that were not used for a while go', async t => {
  const { folder, file, clock, handOver, place, guard } = await prepare(t)
  const known = await guard()
  await place(first, file, known)
  await place(second, file, known)
  clock.now = handedNameMs / 2
  await place(first, file, known)
  clock.now = handedNameMs
  const [, again] = await Promise.all([handOver.sweep(), place(second, file, known)])
  t.equal(again, `/handed/${second}`, 'asked for while it went')
  t.same((await readdir(folder)).sort(), [first, second, 'notes'])
  clock.now = 2 * handedNameMs
  await handOver.sweep()
  t.same(await readdir(folder), ['notes'])
})
