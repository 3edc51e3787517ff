import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { flushFolder, writeFileDurably } from './durable-file.ts'

t.test('a file is made, replaced, and leaves nothing beside it', async t => {
  const folder = t.testdir()
  const file = join(folder, 'state')
  await writeFileDurably(file, 'one')
  await writeFileDurably(file, Buffer.from('two'), 0o600)
  t.equal(await readFile(file, 'utf8'), 'two')
  t.equal((await stat(file)).mode & 0o777, 0o600)
  t.same(await readdir(folder), ['state'])
})

t.test('when the place cannot be written the error arrives and the old file stays', async t => {
  const folder = t.testdir({ place: { inside: 'x' } })
  await t.rejects(writeFileDurably(join(folder, 'place'), 'new'), { code: /EISDIR|ENOTEMPTY/ })
  t.same(await readdir(folder), ['place'], 'the temporary file is gone')
  t.equal(await readFile(join(folder, 'place', 'inside'), 'utf8'), 'x')
  await t.rejects(writeFileDurably(join(folder, 'missing', 'file'), 'new'), { code: 'ENOENT' })
})

t.test('flushing a folder that is not there is an error', async t => {
  const folder = t.testdir()
  await flushFolder(folder)
  await t.rejects(flushFolder(join(folder, 'missing')), { code: 'ENOENT' })
})

const writerSource = `
  import { writeFileDurably } from ${JSON.stringify(new URL('durable-file.ts', import.meta.url).href)}
  const [file] = process.argv.slice(2)
  for (let turn = 0; ; turn++) {
    await writeFileDurably(file, String(turn % 10).repeat(200_000))
    process.send(turn)
  }
`

t.test('killed at any moment, the file is one whole version', async t => {
  const folder = t.testdir({ 'writer.mjs': writerSource, out: {} })
  await mkdir(join(folder, 'out'), { recursive: true })
  const file = join(folder, 'out', 'state')
  for (let round = 1; round <= 5; round++) {
    const writer = fork(join(folder, 'writer.mjs'), [file], { execArgv: [] })
    for (let turns = 0; turns < round; turns++) await once(writer, 'message')
    const exited = once(writer, 'exit')
    writer.kill('SIGKILL')
    await exited
    const text = await readFile(file, 'utf8')
    t.equal(text.length, 200_000)
    t.equal(text, (text[0] ?? '').repeat(200_000))
  }
})
