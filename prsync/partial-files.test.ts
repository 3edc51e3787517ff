import { mkdir, readdir, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ContentNumber, Sha256 } from '../core/ids.ts'
import { encodeCoverage } from './coverage-record.ts'
import { FileHandles } from './file-handles.ts'
import { PartialFiles } from './partial-files.ts'

const sha256 = 'a'.repeat(64) as Sha256
const other = 'b'.repeat(64) as Sha256
const pieceBytes = 100
const member = { number: 1 as ContentNumber, sha256, sizeBytes: 250 }
const single = { number: 2 as ContentNumber, sha256: other, sizeBytes: 80 }

const open = async (t: Test, folder: string): Promise<PartialFiles> => {
  const handles = new FileHandles()
  t.teardown(() => handles.stop())
  const partials = new PartialFiles(folder, handles)
  await partials.start()
  return partials
}

t.test('coverage is remembered over a restart, with the bytes', async t => {
  const folder = join(t.testdir(), 'partial')
  const partials = await open(t, folder)
  t.equal(await partials.coverage(sha256), null, 'never looked for')
  await partials.writeLocal(sha256, 120, Buffer.from('local'))
  t.equal(await partials.coverage(sha256), null, 'not said yet')
  await partials.setCoverage(sha256, [{ offset: 120, length: 5 }])
  const again = await open(t, folder)
  t.strictSame(await again.coverage(sha256), [{ offset: 120, length: 5 }])
  t.equal((await again.read(sha256, 120, Buffer.alloc(5))).toString(), 'local')
  t.equal((await again.readSome(sha256, 120, 50)).toString(), 'local', 'the file ends there')
  await t.rejects(again.read(sha256, 120, Buffer.alloc(6)), { code: 'MS_CONTENT_NOT_HELD' })
  t.strictSame(await again.written(member, pieceBytes), [])
  t.strictSame([...(await again.names())], [sha256])
  const [listed] = await again.list()
  t.ok((listed?.diskBytes ?? 0) >= 8192, 'the file and its record')
  await again.drop(sha256)
  t.strictSame(await readdir(folder), [])
  t.strictSame(await again.list(), [])
})

t.test('that nothing was found is remembered, too, until the next start', async t => {
  const folder = join(t.testdir(), 'partial')
  const partials = await open(t, folder)
  await partials.setCoverage(sha256, [])
  t.strictSame(await partials.coverage(sha256), [])
  t.strictSame([...(await partials.names())], [sha256])
  t.equal((await partials.list()).length, 1)
  const again = await open(t, folder)
  t.equal(await again.coverage(sha256), null)
  t.strictSame(await readdir(folder), [])
})

t.test('coverage of bytes that were never written is refused', async t => {
  const partials = await open(t, join(t.testdir(), 'partial'))
  await t.rejects(partials.setCoverage(sha256, [{ offset: 0, length: 1 }]), { code: 'ENOENT' })
  t.equal(await partials.coverage(sha256), null)
})

t.test('a record that cannot be true is dropped', async t => {
  const folder = join(t.testdir(), 'partial')
  const partials = await open(t, folder)
  const good = encodeCoverage([{ offset: 10, length: 20 }])
  for (const record of [
    Buffer.alloc(0),
    Buffer.from('garbage'),
    good.subarray(0, -1),
    Buffer.concat([good, good]),
    encodeCoverage([{ offset: 10, length: 21 }]),
    encodeCoverage([
      { offset: 10, length: 2 },
      { offset: 5, length: 2 },
    ]),
  ]) {
    await partials.writeLocal(sha256, 0, Buffer.alloc(30))
    await writeFile(join(folder, `${sha256}.local`), record)
    t.equal(await (await open(t, folder)).coverage(sha256), null)
    t.strictSame(await readdir(folder), [sha256])
  }
  await writeFile(join(folder, `${sha256}.local`), good)
  await truncate(join(folder, sha256), 29)
  t.equal(await (await open(t, folder)).coverage(sha256), null, 'the file has become shorter')
})

t.test('records of nothing, and half-written ones, are gone after a start', async t => {
  const folder = t.testdir({
    [`${sha256}.local`]: encodeCoverage([]),
    [`${sha256}.pieces`]: '',
    [`${other}.local.new`]: 'half',
    [other]: 'something',
  })
  await open(t, folder)
  t.strictSame(await readdir(folder), [other])
})

t.test('a file as long as its only piece counts as written only without local bytes', async t => {
  const folder = join(t.testdir(), 'partial')
  const partials = await open(t, folder)
  await partials.writeLocal(other, 70, Buffer.alloc(10))
  t.strictSame(await partials.written(single, pieceBytes), [0], 'as a crash may leave it')
  await partials.setCoverage(other, [{ offset: 70, length: 10 }])
  t.strictSame(await partials.written(single, pieceBytes), [])
  const place = { ordinal: 0, offset: 0, lengthBytes: 80 }
  await partials.write(single, place, [{ offset: 0, data: Buffer.alloc(70) }])
  t.strictSame(await partials.written(single, pieceBytes), [0])
  const again = await open(t, folder)
  t.strictSame(await again.written(single, pieceBytes), [0])
  await partials.release(other)
  t.strictSame(await readdir(folder), [other])
})

t.test('a file that is too long is dropped with all that is said of it', async t => {
  const folder = join(t.testdir(), 'partial')
  const partials = await open(t, folder)
  await partials.writeLocal(sha256, 245, Buffer.alloc(10))
  await partials.setCoverage(sha256, [{ offset: 245, length: 10 }])
  t.strictSame(await partials.written(member, pieceBytes), [])
  t.equal(await partials.coverage(sha256), null)
  t.strictSame(await readdir(folder), [])
})

t.test('a full disk is told as such', async t => {
  const folder = join(t.testdir(), 'partial')
  await mkdir(folder)
  await symlink('/dev/full', join(folder, sha256))
  const partials = await open(t, folder)
  const full = { code: 'MS_DISK_FULL' }
  await t.rejects(partials.writeLocal(sha256, 0, Buffer.alloc(10)), full)
  await partials.writeLocal(other, 0, Buffer.alloc(10))
  await symlink('/dev/full', join(folder, `${other}.local.new`))
  await t.rejects(partials.setCoverage(other, [{ offset: 0, length: 10 }]), full)
  t.equal(await partials.coverage(other), null)
})
