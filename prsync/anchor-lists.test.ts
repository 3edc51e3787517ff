// Lists of anchors in memory and in files: the same bytes, made once, whatever happens to the files.

import { readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Sha256 } from '../core/ids.ts'
import { kernel } from '../core/kernel/kernel.ts'
import { sha256Hex } from '../core/keys.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { AnchorLists } from './anchor-lists.ts'
import { ChunkCache } from './chunk-cache.ts'

const never = new AbortController().signal
const contents = [2_500_000, 2_400_000, 700_000].map((size, k) => Buffer.from(noise(`${k}`, size)))
const [first, second, third] = contents as [Buffer, Buffer, Buffer]

const anchorsOf = (bytes: Buffer): Buffer => {
  const stream = kernel.anchors()
  return Buffer.concat([stream.update(bytes), stream.end()])
}

/** Lists over a folder; whatever is above a megabyte goes there. */
const setUp = (t: Test, filesBytes = 1_000_000, folder = join(t.testdir({}), 'anchors')) => {
  let reads = 0
  const make = () =>
    new AnchorLists(
      { kernel, cache: new ChunkCache(1_000_000), folder },
      { inlineContentBytes: 1_000_000, filesBytes },
    )
  const source = (bytes: Buffer) => ({
    sizeBytes: bytes.length,
    read: async (offset: number, length: number) => {
      reads++
      return bytes.subarray(offset, offset + length)
    },
  })
  const get = async (lists: AnchorLists, bytes: Buffer, signal = never): Promise<Buffer> => {
    const list = await lists.open(sha256Hex(bytes) as Sha256, source(bytes), signal)
    const parts: Uint8Array[] = []
    try {
      for await (const part of list.parts) parts.push(part)
    } finally {
      await list.close()
    }
    t.equal(Buffer.concat(parts).length, list.lengthBytes)
    return Buffer.concat(parts)
  }
  return { folder, make, get, source, reads: () => reads }
}

t.test('short lists stay in memory, long ones are files, and each is made once', async t => {
  const { make, get, folder, reads } = setUp(t)
  const lists = make()
  for (const bytes of contents) {
    const before = reads()
    const all = await Promise.all([1, 2, 3, 4, 5].map(() => get(lists, bytes)))
    for (const list of all) t.ok(list.equals(anchorsOf(bytes)))
    t.ok(reads() - before <= 3, 'one of them has read it')
  }
  t.same(readdirSync(folder).sort(), [first, second].map(each => sha256Hex(each)).sort())
  const before = reads()
  t.ok((await get(make(), first)).equals(anchorsOf(first)), 'also after a restart')
  t.equal(reads(), before)
})

t.test('files that are gone, cut or not finished are made anew', async t => {
  const { make, get, folder } = setUp(t)
  const lists = make()
  await get(lists, first)
  const file = join(folder, sha256Hex(first))
  rmSync(file)
  t.ok((await get(lists, first)).equals(anchorsOf(first)))
  truncateSync(file, 10)
  t.ok((await get(lists, first)).equals(anchorsOf(first)))
  writeFileSync(join(folder, `${sha256Hex(second)}.part`), 'half')
  t.ok((await get(make(), second)).equals(anchorsOf(second)))
  t.same(readdirSync(folder).sort(), [first, second].map(each => sha256Hex(each)).sort())
})

t.test('the least used file goes, also while it is being sent', async t => {
  const { make, get, folder, source } = setUp(t, 1)
  const lists = make()
  const list = await lists.open(sha256Hex(first) as Sha256, source(first), never)
  await get(lists, second)
  t.same(readdirSync(folder), [sha256Hex(second)])
  const parts: Uint8Array[] = []
  for await (const part of list.parts) parts.push(part)
  await list.close()
  t.ok(Buffer.concat(parts).equals(anchorsOf(first)))
})

t.test('who leaves, or whose file changes, leaves nothing behind, and others go on', async t => {
  const { make, get, folder, source } = setUp(t)
  const lists = make()
  const leaving = new AbortController()
  const slow = {
    ...source(first),
    read: async (offset: number, length: number) => {
      leaving.abort(new Error('left'))
      return source(first).read(offset, length)
    },
  }
  const left = lists.open(sha256Hex(first) as Sha256, slow, leaving.signal)
  const waiting = get(lists, first)
  await t.rejects(left, { message: 'left' })
  t.ok((await waiting).equals(anchorsOf(first)))
  const changing = { ...source(second), read: () => Promise.reject(new Error('changed')) }
  const sha256 = sha256Hex(second) as Sha256
  await t.rejects(lists.open(sha256, changing, never), { message: 'changed' })
  t.same(readdirSync(folder), [sha256Hex(first)])
  t.ok((await get(lists, second)).equals(anchorsOf(second)))
  const gone = AbortSignal.abort(new Error('gone'))
  await t.rejects(get(lists, third, gone), { message: 'gone' })
})

t.test('a folder that cannot be made is tried again', async t => {
  const parent = join(t.testdir({ parent: 'a file' }), 'parent')
  const { make, get } = setUp(t, 1_000_000, join(parent, 'anchors'))
  const lists = make()
  await t.rejects(get(lists, first), { code: 'ENOTDIR' })
  rmSync(parent)
  t.ok((await get(lists, first)).equals(anchorsOf(first)))
  t.ok((await get(lists, third)).equals(anchorsOf(third)))
})
