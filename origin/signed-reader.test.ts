import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { testFolder } from '../core/fixtures/test-folder.ts'
import { silentLogger } from '../core/log.ts'
import { Holdings } from '../tracker/holdings.ts'
import { Grace } from './grace.ts'
import { SignedReader } from './signed-reader.ts'
import { signedFile } from './signed-writer.ts'

const grace = new Grace(1000)

const start = (t: Test) => {
  const folder = testFolder(t)
  const time = { nowMs: 5_000_000 }
  const open = () =>
    new SignedReader(folder, silentLogger, { clock: { nowMs: () => time.nowMs }, grace })
  const name = (snapshot: number, numbers: readonly number[], epoch = 1) => {
    const containers = Holdings.of(numbers).encode()
    writeFileSync(signedFile(folder), JSON.stringify({ format: 1, epoch, snapshot, containers }))
  }
  return { folder, time, open, name }
}

const read = async (reader: SignedReader): Promise<number[]> => {
  await reader.refresh()
  return [...reader.contents.numbers()]
}

t.test('what was named lately stays, also over a restart, until its time is over', async t => {
  const { time, open, name } = start(t)
  const reader = open()
  t.strictSame(await read(reader), [], 'there is no file yet')
  name(1, [1, 2])
  t.strictSame(await read(reader), [1, 2])
  name(2, [2, 3])
  t.strictSame(await read(open()), [1, 2, 3], 'the change came while nobody looked')
  time.nowMs += 600
  name(3, [4])
  const later = open()
  t.strictSame(await read(later), [1, 2, 3, 4])
  time.nowMs += 400
  t.strictSame([...later.contents.numbers()], [2, 3, 4], 'without another look at the disk')
  time.nowMs += 600
  t.strictSame([...later.contents.numbers()], [4])
})

t.test('another time of grace holds at once', async t => {
  const { open, name } = start(t)
  const reader = open()
  t.teardown(() => grace.change(1000))
  for (const [snapshot, numbers] of [[1, 2], [3]].entries()) {
    name(snapshot + 1, numbers)
    await reader.refresh()
  }
  t.strictSame(await read(reader), [1, 2, 3])
  grace.change(0)
  reader.changed()
  t.strictSame(await read(reader), [3])
})

t.test('numbers of another epoch, or of a snapshot that was taken back, are forgotten', async t => {
  const { open, name } = start(t)
  const reader = open()
  name(5, [1])
  await reader.refresh()
  name(6, [2], 2)
  t.strictSame(await read(reader), [2])
  name(4, [3], 2)
  t.strictSame(await read(reader), [3])
  t.match(reader.snapshot, { epoch: 2, number: 4 })
})

t.test('files that cannot be read count as nothing, and no error comes of it', async t => {
  const { folder, open, name } = start(t)
  const history = join(folder, 'signed-history.json')
  const reader = open()
  name(1, [1])
  await reader.refresh()
  name(2, [2])
  await reader.refresh()
  const whole = readFileSync(history, 'utf8')
  for (const text of [
    '',
    '{',
    '[]',
    whole.replace('"format":1', '"format":2'),
    whole.slice(0, -9),
  ]) {
    writeFileSync(history, text)
    t.strictSame(await read(open()), [2], text.slice(0, 20))
    writeFileSync(history, whole)
  }
  t.strictSame(await read(open()), [1, 2])
  writeFileSync(signedFile(folder), 'nonsense')
  t.strictSame(await read(open()), [])
  rmSync(folder, { recursive: true })
  t.strictSame(await read(reader), [])
})
