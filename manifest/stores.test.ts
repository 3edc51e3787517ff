import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Sha256 } from '../core/ids.ts'
import { keptInlineBytes } from '../core/limits.ts'
import { KeptStore } from './kept-store.ts'
import { ObjectStore } from './objects.ts'

const hashOf = (bytes: Uint8Array): Sha256 =>
  createHash('sha256').update(bytes).digest('hex') as Sha256

t.test('objects come back as they were put, and damaged ones do not', async t => {
  const store = new ObjectStore(join(t.testdir(), 'objects'))
  const bytes = Buffer.from('an object')
  t.equal(await store.has(hashOf(bytes)), false)
  t.equal(await store.read(hashOf(bytes)), null)
  const name = await store.put(bytes)
  t.equal(name, hashOf(bytes))
  t.equal(await store.put(bytes), name, 'twice is once')
  t.same(await store.read(name), bytes)
  t.equal(await store.sizeOf(name), bytes.length)
  writeFileSync(store.file(name), 'an objecT')
  await t.rejects(store.read(name), { code: 'MS_DATA_CORRUPT' })
  writeFileSync(store.file(name), 'an')
  await store.put(bytes)
  t.same(await store.read(name), bytes, 'a cut object is put again')
})

t.test('small copies are kept in the database, large ones as files', async t => {
  const folder = t.testdir()
  const store = new KeptStore(folder)
  t.teardown(() => store.close())
  const small = Buffer.alloc(keptInlineBytes, 1)
  const large = Buffer.alloc(keptInlineBytes + 1, 2)
  for (const bytes of [small, large, Buffer.alloc(0)]) await store.put(hashOf(bytes), bytes)
  store.flush()
  const other = new KeptStore(folder)
  t.teardown(() => other.close())
  t.same(other.get(hashOf(small)), { bytes: small })
  t.same(other.get(hashOf(Buffer.alloc(0))), { bytes: Buffer.alloc(0) })
  const kept = other.get(hashOf(large))
  t.same(kept !== null && 'file' in kept ? readFileSync(kept.file) : null, large)
  t.equal(other.get(hashOf(Buffer.from('other'))), null)
  t.equal(other.get('../../manifest.db' as Sha256), null)
})

t.test('bytes are kept only under their own hash', async t => {
  const folder = t.testdir({ source: 'x'.repeat(keptInlineBytes + 1) })
  const store = new KeptStore(folder)
  t.teardown(() => store.close())
  const wrong = hashOf(Buffer.from('something else'))
  const mismatch = { code: 'MS_CONTENT_MISMATCH' }
  await t.rejects(store.put(wrong, Buffer.from('a')), mismatch)
  await t.rejects(store.put(wrong, join(folder, 'source')), mismatch)
  await t.rejects(store.put(wrong, Buffer.alloc(keptInlineBytes + 1)), mismatch)
  const good = Buffer.from('good')
  t.throws(
    () =>
      store.putInline([
        [hashOf(good), good],
        [wrong, good],
      ]),
    mismatch,
  )
  t.equal(store.get(hashOf(good)), null, 'all or nothing')
  t.equal(store.get(wrong), null)
  t.same(readdirSync(join(folder, 'kept')), [], 'nothing is left behind')
  await store.put(hashOf(readFileSync(join(folder, 'source'))), join(folder, 'source'))
  t.ok(store.get(hashOf(readFileSync(join(folder, 'source')))))
})

t.test('what an interrupted publish left is removed', async t => {
  const folder = t.testdir()
  const store = new KeptStore(folder)
  t.teardown(() => store.close())
  const file = store.temporaryFile()
  writeFileSync(file, 'half')
  store.removeTemporaryFiles()
  t.equal(existsSync(file), false)
})
