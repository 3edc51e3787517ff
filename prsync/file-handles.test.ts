import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { FileHandles } from './file-handles.ts'

t.test('many users of many files never have more open than allowed', async t => {
  const folder = t.testdir()
  const handles = new FileHandles(3)
  t.teardown(() => handles.stop())
  let most = 0
  let opened = 0
  const name = (file: number): string => join(folder, `file${file}`)
  for (let file = 0; file < 10; file++) await writeFile(name(file), `content ${file}`)
  const read = (file: number): Promise<string> =>
    handles.use(
      `${file}`,
      () => {
        opened++
        return open(name(file))
      },
      async handle => {
        most = Math.max(most, handles.size)
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(20), 0, 20, 0)
        return buffer.toString('utf8', 0, bytesRead)
      },
    )
  const texts = await Promise.all(Array.from({ length: 100 }, (_, round) => read(round % 10)))
  t.ok(texts.every((text, round) => text === `content ${round % 10}`))
  t.ok(most <= 3, `at most ${most} were open`)
  t.ok(handles.size <= 3)
  const before = opened
  await read(9)
  await read(9)
  t.ok(opened - before <= 1, 'a file in use again is not opened again')
  await handles.stop()
  t.equal(handles.size, 0)
})

t.test('files that nobody uses for a while are closed', async t => {
  const folder = t.testdir({ one: '1', other: '2' })
  let nowMs = 0
  const handles = new FileHandles(3, { monotonicMs: () => nowMs })
  t.teardown(() => handles.stop())
  const touch = (name: string, work: () => Promise<void> = async () => undefined) =>
    handles.use(name, () => open(join(folder, name)), work)
  await touch('one')
  nowMs = 100
  await touch('other')
  await handles.closeIdle(100)
  t.equal(handles.size, 1)
  const used = Promise.withResolvers<void>()
  const using = touch('other', () => used.promise)
  nowMs = 1_000
  await handles.closeIdle(100)
  t.equal(handles.size, 1, 'not while it is used')
  used.resolve()
  await using
  nowMs = 2_000
  await handles.closeIdle(100)
  t.equal(handles.size, 0)
})

t.test('a file that cannot be opened is tried anew the next time', async t => {
  const folder = t.testdir()
  const file = join(folder, 'late')
  const handles = new FileHandles(1)
  t.teardown(() => handles.stop())
  const size = (): Promise<number> =>
    handles.use(
      'late',
      () => open(file),
      async handle => (await handle.stat()).size,
    )
  await t.rejects(size(), { code: 'ENOENT' })
  t.equal(handles.size, 0)
  await writeFile(file, 'here')
  t.equal(await size(), 4)
})

t.test('a forgotten file stays open for those who use it', async t => {
  const folder = t.testdir({ one: 'first' })
  const handles = new FileHandles(2)
  t.teardown(() => handles.stop())
  const text = await handles.use(
    'one',
    () => open(join(folder, 'one')),
    async handle => {
      await handles.forget('one')
      return handle.readFile('utf8')
    },
  )
  t.equal(text, 'first')
  t.equal(handles.size, 0)
})
