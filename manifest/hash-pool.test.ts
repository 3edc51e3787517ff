import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { md4 } from 'hash-wasm'
import t, { type Test } from 'tap'
import { seededRandom } from '../core/clock.ts'
import type { RepoPath } from '../core/ids.ts'
import { coarseChunkBytes } from '../core/kernel/chunk-map.ts'
import { kernel } from '../core/kernel/kernel.ts'
import { keptInlineBytes, readBufferBytes } from '../core/limits.ts'
import { type HashedFile, HashPool, type HashRequest } from './hash-pool.ts'
import { pieceLengthFor } from './logic/piece-length.ts'

const KiB = 1024
const MiB = 1024 * KiB

const pool = (t: Test, workers = 1): HashPool => {
  const made = new HashPool({ workers })
  t.teardown(() => made.stop())
  return made
}

const request = (path: string, keep = false, copyTo: string | null = null): HashRequest => ({
  path: path as RepoPath,
  keep,
  copyTo,
})

const digest = (name: string, bytes: Uint8Array): string =>
  createHash(name).update(bytes).digest('hex')

/** Noise that is quick to make and different for each size. */
const noise = (size: number): Buffer => {
  const random = seededRandom(size)
  const block = Buffer.from(Array.from({ length: 997 }, () => Math.floor(random() * 256)))
  return Buffer.alloc(size, block)
}

const piecesOf = (bytes: Buffer): { pieces: string[]; lastPiece: string } => {
  const length = pieceLengthFor(bytes.length)
  const pieces: string[] = []
  let lastPiece = ''
  for (let start = 0; start < bytes.length; start += length) {
    const piece = bytes.subarray(start, start + length)
    lastPiece = digest('sha1', piece)
    pieces.push(digest('sha1', Buffer.concat([piece, Buffer.alloc(length - piece.length)])))
  }
  return { pieces, lastPiece }
}

t.test('all hashes of files around every boundary', async t => {
  const root = t.testdir()
  const borders = [64 * KiB, 256 * KiB, readBufferBytes, 2 * MiB, 4 * MiB]
  const sizes = [0, 1, 5000, 33 * MiB + 7, ...borders.flatMap(size => [size - 1, size, size + 1])]
  for (const size of sizes) writeFileSync(join(root, `${size}`), noise(size))
  const outcomes = await pool(t, 2).hash(
    root,
    sizes.map(size => request(`${size}`)),
  )
  for (const [index, size] of sizes.entries()) {
    const bytes = noise(size)
    const hashed = outcomes[index] as HashedFile
    const { pieces, lastPiece } = piecesOf(bytes)
    t.same(
      {
        path: hashed.path,
        size: hashed.sizeBytes,
        sha256: hashed.sha256.toString('hex'),
        sha1: hashed.sha1.toString('hex'),
        md5: hashed.md5.toString('hex'),
        md4: hashed.md4.toString('hex'),
        pieces: hashed.pieces.toString('hex'),
        lastPiece: hashed.lastPiece.toString('hex'),
        coarse: hashed.coarse.toString('hex'),
      },
      {
        path: `${size}`,
        size,
        sha256: digest('sha256', bytes),
        sha1: digest('sha1', bytes),
        md5: digest('md5', bytes),
        md4: await md4(bytes),
        pieces: pieces.join(''),
        lastPiece,
        coarse: Buffer.from(kernel.chunkHashes(bytes, coarseChunkBytes)).toString('hex'),
      },
      `${size} bytes`,
    )
  }
})

t.test('bytes to keep come along, or are copied while they are hashed', async t => {
  const root = t.testdir()
  const [small, large] = [noise(keptInlineBytes), noise(3 * MiB)]
  writeFileSync(join(root, 'small'), small)
  writeFileSync(join(root, 'large'), large)
  const copy = join(root, 'copy')
  const [first, second, third] = await pool(t).hash(root, [
    request('small', true),
    request('large', true, copy),
    request('small'),
  ])
  t.same((first as HashedFile).inline, small)
  t.equal((second as HashedFile).inline, null)
  t.ok(readFileSync(copy).equals(large))
  t.equal((third as HashedFile).inline, null)
})

t.test('a copy of a file that was still growing is that of its last attempt', async t => {
  const root = t.testdir({ growing: '' })
  const file = join(root, 'growing')
  const copy = join(root, 'copy')
  writeFileSync(file, Buffer.alloc(40 * MiB, 1))
  const hashing = pool(t).hash(root, [request('growing', true, copy)])
  // Once the copy has begun, the first attempt is under way.
  while (!existsSync(copy) || statSync(copy).size === 0) await new Promise(setImmediate)
  writeFileSync(file, noise(2 * MiB))
  const [outcome] = await hashing
  t.equal(outcome?.kind, 'hashed')
  t.ok(readFileSync(copy).equals(noise(2 * MiB)))
  t.equal((outcome as HashedFile).sha256.toString('hex'), digest('sha256', noise(2 * MiB)))
})

t.test('what is no file, or is not there, is told apart', async t => {
  const root = t.testdir({ file: 'x' })
  mkdirSync(join(root, 'folder'))
  symlinkSync('file', join(root, 'link'))
  execFileSync('mkfifo', [join(root, 'fifo')])
  const names = ['nowhere', 'file/below', 'link', 'fifo', 'folder']
  const outcomes = await pool(t).hash(
    root,
    names.map(name => request(name)),
  )
  const kinds = outcomes.map(outcome => outcome.kind)
  t.same(kinds, ['vanished', 'vanished', 'changed', 'changed', 'changed'])
})

t.test('a copy that cannot be written fails the batch, and the thread goes on', async t => {
  const root = t.testdir({ file: 'x' })
  const one = pool(t)
  const nowhere = join(root, 'nowhere/copy')
  await t.rejects(one.hash(root, [request('file', true, nowhere)]), { code: 'MS_INTERNAL' })
  t.match(await one.hash(root, [request('file')]), [{ kind: 'hashed' }])
})

t.test('a full disk is named as such', async t => {
  if (!existsSync('/dev/full')) return
  const root = t.testdir({ file: 'x' })
  await t.rejects(pool(t).hash(root, [request('file', true, '/dev/full')]), {
    code: 'MS_DISK_FULL',
  })
})

t.test('an abort ends a long hashing at once, and others go on', async t => {
  const root = t.testdir({ small: 'small', huge: '' })
  truncateSync(join(root, 'huge'), 2 ** 40)
  const one = pool(t)
  const stop = new AbortController()
  const long = one.hash(root, [request('huge')], stop.signal)
  const waiting = one.hash(root, [request('huge')], stop.signal)
  const next = one.hash(root, [request('small')])
  stop.abort(new Error('enough'))
  await t.rejects(long, { message: 'enough' })
  await t.rejects(waiting, { message: 'enough' })
  t.match(await next, [{ kind: 'hashed', sizeBytes: 5 }])
  await t.rejects(one.hash(root, [request('small')], stop.signal), { message: 'enough' })
})

t.test('a stopped pool answers nothing more', async t => {
  const root = t.testdir({ huge: '' })
  truncateSync(join(root, 'huge'), 2 ** 40)
  const one = new HashPool({ workers: 1 })
  const pending = one.hash(root, [request('huge')])
  const rejected = t.rejects(pending, { code: 'MS_INTERNAL' })
  await one.stop()
  await rejected
  await t.rejects(one.hash(root, [request('huge')]), { code: 'MS_INTERNAL' })
})
