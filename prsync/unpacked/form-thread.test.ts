import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { contentOf } from '../fixtures/delta-world.ts'
import { FormThread } from './form-thread.ts'
import { formLimits } from './logic/form.ts'
import { indexText } from './test-form.ts'

t.setTimeout(120_000)

const limits = formLimits(2 ** 24, 2 ** 28)

const threadFor = (t: Test, workMs?: number): FormThread => {
  const thread = new FormThread(workMs)
  t.teardown(() => thread.stop())
  return thread
}

t.test('a file is unpacked and packed again, and the handle is closed', async t => {
  const folder = t.testdir()
  const bytes = gzipSync(indexText(2000))
  writeFileSync(join(folder, 'file.gz'), bytes)
  const thread = threadFor(t)
  const handle = await open(join(folder, 'file.gz'))
  const from = { handle, sizeBytes: bytes.length }
  const form = join(folder, 'form')
  const { sha256, sizeBytes } = contentOf(bytes)
  const shape = await thread.unpack({ from, to: form, limits, sha256 })
  if (typeof shape === 'string') throw new Error(shape)
  t.equal(handle.fd, -1)
  t.equal(readFileSync(form).length, shape.textBytes + shape.tokenBytes + shape.frameBytes)
  const to = join(folder, 'packed')
  t.same(await thread.pack({ from: form, shape, to, sizeBytes, sha256 }), shape)
  t.ok(readFileSync(to).equals(bytes))
  const other = contentOf(Buffer.from('other')).sha256
  const wrong = { from: form, shape, to: join(folder, 'wrong'), sizeBytes, sha256: other }
  t.equal(await thread.pack(wrong), 'it gives another file')
  t.same(readdirSync(folder).sort(), ['file.gz', 'form', 'packed'])
})

t.test('what fails leaves no file behind, and the next one works', async t => {
  const folder = t.testdir()
  const thread = threadFor(t)
  const bytes = gzipSync(indexText(100))
  const nowhere = join(folder, 'missing', 'form')
  const ask = (to: string) => thread.unpack({ from: { bytes }, to, limits, sha256: null })
  await t.rejects(ask(nowhere), { code: 'MS_INTERNAL' })
  const cut = { from: { bytes: bytes.subarray(0, 500) }, to: join(folder, 'cut'), limits }
  t.equal(await thread.unpack({ ...cut, sha256: null }), 'the data is cut short')
  const shape = { textBytes: 2 ** 40, tokenBytes: 2 ** 40, frameBytes: 0 }
  const file = { to: join(folder, 'file'), sizeBytes: 10, sha256: '' }
  writeFileSync(join(folder, 'empty'), '')
  t.type(await thread.pack({ from: join(folder, 'empty'), shape, ...file }), 'string')
  t.same(readdirSync(folder), ['empty'])
  t.type(await ask(join(folder, 'form')), 'object')
})

t.test('work that takes too long is ended', async t => {
  const folder = t.testdir()
  const thread = threadFor(t, 20)
  const bytes = gzipSync(indexText(60_000), { level: 1 })
  const request = { from: { bytes }, to: join(folder, 'form'), limits, sha256: null }
  await t.rejects(thread.unpack(request), { code: 'MS_INTERNAL' })
  await thread.stop()
  await t.rejects(thread.unpack(request), { code: 'MS_INTERNAL' })
  t.ok(existsSync(folder))
})
