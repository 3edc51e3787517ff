import { createHash } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { RepoPath, Sha256 } from '../core/ids.ts'
import { pathFromBytes } from '../core/repo-path.ts'
import { put, repository, tableOf } from './fixtures/test-repository.ts'
import type { HashPool } from './hash-pool.ts'

const hashOf = (data: string | Buffer): Sha256 =>
  createHash('sha256').update(data).digest('hex') as Sha256

const path = (text: string): RepoPath => text as RepoPath

/** Let file times move on, so that nothing counts as changed just now. */
const age = async (): Promise<void> => {
  const start = Date.now()
  while (Date.now() < start + 40) await new Promise(resolve => setImmediate(resolve))
}

t.test('the first publish names every file, and the second finds nothing to do', async t => {
  const origin = repository(t)
  put(origin, 'pool/a.deb', 'a'.repeat(100_000))
  put(origin, 'pool/b.deb', 'b'.repeat(5000))
  put(origin, 'dists/x/Packages', 'index')
  await age()
  const first = await origin.publish()
  t.match(first, { files: 3, added: 3, changed: 0, removed: 0, unchanged: false, hashedFiles: 3 })
  t.equal(first.snapshot.number, 1)
  t.equal(first.bytes, 105_005)
  t.same(
    [...tableOf(origin.reader, 1)],
    [
      ['dists/x/Packages', hashOf('index')],
      ['pool/a.deb', hashOf('a'.repeat(100_000))],
      ['pool/b.deb', hashOf('b'.repeat(5000))],
    ],
  )
  const second = await origin.publish()
  t.match(second, { unchanged: true, hashedFiles: 0, added: 0 })
  t.equal(origin.reader.latest()?.number, 1)
})

t.test('an empty repository can be published', async t => {
  const origin = repository(t)
  const result = await origin.publish()
  t.match(result, { files: 0, bytes: 0, unchanged: false })
  t.equal(origin.head().snapshot, 1)
  t.same(origin.reader.resolve(path(''), 1), { kind: 'directory', path: '' })
})

t.test('added, changed and removed files are told apart, and the old snapshot stays', async t => {
  const origin = repository(t)
  for (let index = 0; index < 20; index++) put(origin, `f${index}`, `content ${index}`)
  await origin.publish()
  const before = tableOf(origin.reader, 1)
  put(origin, 'f3', 'something else')
  put(origin, 'new', 'new')
  rmSync(join(origin.root, 'f7'))
  const result = await origin.publish()
  t.match(result, { added: 1, changed: 1, removed: 1, files: 20 })
  t.same(tableOf(origin.reader, 1), before)
  const after = tableOf(origin.reader, 2)
  t.equal(after.get('f3'), hashOf('something else'))
  t.equal(after.has('f7'), false)
  t.equal(
    result.snapshot.bytes,
    [...after.keys()].reduce((sum, name) => {
      return sum + readFileSync(join(origin.root, name)).length
    }, 0),
  )
})

t.test('equal bytes are one content, with the oldest time, also when they come back', async t => {
  const origin = repository(t)
  const times = { 'a/one': 3_000, 'b/two': 1_000, 'c/three': 2_000 }
  for (const [name, seconds] of Object.entries(times)) {
    utimesSync(put(origin, name, 'the same'), seconds, seconds + 0.9)
  }
  for (let index = 0; index < 40; index++) put(origin, `other/${index}`, `other ${index}`)
  await origin.publish()
  const content = origin.reader.contentByHash(hashOf('the same'))
  t.equal(content?.modifiedSeconds, 1_000)
  t.same(origin.reader.pathsOf(content?.number ?? -1, 1), ['a/one', 'b/two', 'c/three'])
  const count = origin.reader.contentCount()
  t.equal(count, 41)

  for (const name of Object.keys(times)) rmSync(join(origin.root, name))
  put(origin, 'other/new', 'other new')
  await origin.publish()
  t.same(origin.reader.pathsOf(content?.number ?? -1, 2), [])
  t.ok(origin.reader.contentByHash(hashOf('the same')), 'a retired content is still known')

  put(origin, 'd/again', 'the same')
  await origin.publish()
  t.same(origin.reader.contentByHash(hashOf('the same')), content, 'number and time stay')
  t.equal(origin.reader.contentCount(), count + 1)
})

t.test('a touched file is read again but makes no snapshot', async t => {
  const origin = repository(t)
  const file = put(origin, 'a', 'a')
  await age()
  await origin.publish()
  utimesSync(file, 5, 5)
  await age()
  t.match(await origin.publish(), { unchanged: true, hashedFiles: 1 })
  t.match(await origin.publish(), { unchanged: true, hashedFiles: 0 })
})

t.test('a change that leaves size and mtime as they were is noticed', async t => {
  const origin = repository(t)
  const file = put(origin, 'a', 'before')
  utimesSync(file, 1000, 1000)
  await age()
  await origin.publish()
  writeFileSync(file, 'after!')
  utimesSync(file, 1000, 1000)
  await origin.publish()
  t.equal(tableOf(origin.reader, 2).get('a'), hashOf('after!'))
})

t.test('a file changed within the same tick as it was hashed is noticed', async t => {
  const origin = repository(t)
  const file = put(origin, 'a', 'before')
  await origin.publish()
  writeFileSync(file, 'after!')
  await origin.publish()
  t.equal(tableOf(origin.reader, origin.reader.latest()?.number ?? 0).get('a'), hashOf('after!'))
})

t.test('losing more than a tenth of the files is refused, and costs no hashing later', async t => {
  const origin = repository(t)
  for (let index = 0; index < 20; index++) put(origin, `disk/${index}`, `content ${index}`)
  await age()
  await origin.publish()
  renameSync(join(origin.root, 'disk'), join(origin.dataDir, 'unmounted'))
  await t.rejects(origin.publish(), { code: 'MS_PUBLISH_SHRINKS' })
  t.equal(origin.reader.latest()?.number, 1)
  renameSync(join(origin.dataDir, 'unmounted'), join(origin.root, 'disk'))
  t.match(await origin.publish(), { unchanged: true, hashedFiles: 0 })

  rmSync(join(origin.root, 'disk/1'))
  rmSync(join(origin.root, 'disk/2'))
  t.match(await origin.publish(), { removed: 2, unchanged: false }, 'exactly a tenth is accepted')
  rmSync(join(origin.root, 'disk/3'))
  rmSync(join(origin.root, 'disk/4'))
  await t.rejects(origin.publish(), { code: 'MS_PUBLISH_SHRINKS' })
  t.match(await origin.publish({ allowShrink: true }), { removed: 2, files: 16 })
})

t.test('a file that changes while it is hashed is left out with a warning', async t => {
  const origin = repository(t)
  put(origin, 'quiet', 'quiet')
  // Large enough that a loaded machine changes it during each of the three attempts.
  const busyBytes = 100_000_000
  const busy = put(origin, 'busy', '')
  truncateSync(busy, busyBytes)
  await origin.publish()
  t.ok(tableOf(origin.reader, 1).has('busy'))
  appendFileSync(busy, 'x')
  const descriptor = openSync(busy, 'r+')
  const timer = setInterval(() => ftruncateSync(descriptor, busyBytes + (Date.now() % 1000)), 1)
  t.teardown(() => clearInterval(timer))
  const result = await origin.publish({ allowShrink: true })
  clearInterval(timer)
  closeSync(descriptor)
  t.match(result.warnings, [{ path: 'busy', reason: /changed each time/ }])
  t.same([...tableOf(origin.reader, 2).keys()], ['quiet'], 'its old content is there no more')
  t.match(await origin.publish(), { added: 1, warningCount: 0 }, 'and it comes back when quiet')
})

t.test('odd names are published as they are', async t => {
  const origin = repository(t)
  const names = [
    ...['with space', 'a+b', '~tilde', '100%', '%41', '#hash', 'what?', `it's "quoted"`, 'grün'],
    ...['new\nline', '*', '\\back', 'x'.repeat(255), '.hidden', '..dots', '-'.repeat(3)],
  ].map(name => Buffer.from(name))
  names.push(Buffer.from([0x66, 0xff, 0xfe, 0x80]))
  for (const name of names)
    writeFileSync(Buffer.concat([Buffer.from(`${origin.root}/`), name]), name)
  const result = await origin.publish()
  t.equal(result.files, names.length)
  for (const name of names) {
    const found = origin.reader.resolve(pathFromBytes(name), 1)
    t.equal(found.kind === 'file' && found.content.sha256, hashOf(name), pathFromBytes(name))
  }
})

t.test('what cannot be mirrored is refused with a line', async t => {
  const origin = repository(t)
  put(origin, 'file', 'file')
  put(origin, '-/inside', 'reserved')
  put(origin, '.mirrorswarm-partial', 'ours')
  put(origin, 'sub/-/fine', 'not at the top')
  symlinkSync('../../etc/passwd', join(origin.root, 'out'))
  symlinkSync('/etc/passwd', join(origin.root, 'absolute-out'))
  symlinkSync('file', join(origin.root, 'in'))
  const { execFileSync } = await import('node:child_process')
  execFileSync('mkfifo', [join(origin.root, 'fifo')])
  const { createServer } = await import('node:net')
  const server = createServer()
  t.teardown(() => server.close())
  const before = process.cwd()
  process.chdir(origin.root) // a socket's whole path may have 107 bytes only
  server.listen('socket')
  await new Promise(resolve => server.once('listening', resolve))
  process.chdir(before)
  const result = await origin.publish()
  t.same(result.warnings.map(warning => warning.path).sort(), [
    '-',
    'absolute-out',
    'fifo',
    'out',
    'socket',
  ])
  t.same([...tableOf(origin.reader, 1).keys()], ['file', 'in', 'sub/-/fine'])
})

const asRoot = process.getuid?.() === 0 ? 'root may read everything' : false

t.test('a file that may not be read is left out with a warning', { skip: asRoot }, async t => {
  const origin = repository(t)
  chmodSync(put(origin, 'secret', 'secret'), 0)
  put(origin, 'open', 'open')
  const result = await origin.publish()
  t.match(result.warnings, [{ path: 'secret' }])
  t.same([...tableOf(origin.reader, 1).keys()], ['open'])
})

t.test('what the origin serves itself is kept, the bytes that were hashed', async t => {
  const origin = repository(t)
  const packages = 'Package: x\n'.repeat(20_000)
  put(origin, 'dists/x/main/binary-amd64/Packages', packages)
  put(origin, 'dists/x/InRelease', 'signed')
  put(origin, 'pool/tiny', 'tiny')
  put(origin, 'pool/empty', '')
  const large = put(origin, 'pool/large.deb', 'l'.repeat(100_000))
  await origin.publish()
  put(origin, 'dists/x/main/binary-amd64/Packages', 'changed')
  const kept = (data: string) => {
    const found = origin.kept.get(hashOf(data))
    if (found === null) return null
    return 'bytes' in found ? found.bytes.toString() : readFileSync(found.file, 'utf8')
  }
  t.equal(kept(packages), packages)
  for (const data of ['signed', 'tiny', '']) t.equal(kept(data), data)
  t.equal(kept('l'.repeat(100_000)), null)

  linkSync(large, join(origin.root, 'SHA256SUMS'))
  await origin.publish()
  t.ok(kept('l'.repeat(100_000)), 'a new path can make a content one to keep')
})

t.test('an operator who adds a pattern gets the copies at the next publish', async t => {
  const origin = repository(t)
  put(origin, 'installer.exe', 'e'.repeat(100_000))
  await age()
  await origin.publish()
  t.equal(origin.kept.get(hashOf('e'.repeat(100_000))), null)
  const result = await origin.publish({ keepAtOrigin: () => true })
  t.equal(result.unchanged, true)
  t.ok(origin.kept.get(hashOf('e'.repeat(100_000))))
  t.match(await origin.publish({ keepAtOrigin: () => true }), { hashedFiles: 0 })
})

t.test('every content above zero bytes is in a bundle, once', async t => {
  const origin = repository(t)
  for (let index = 0; index < 10; index++) put(origin, `f${index}`, 'x'.repeat(index))
  await origin.publish()
  put(origin, 'f10', 'new')
  put(origin, 'copy', 'x'.repeat(5))
  await origin.publish()
  const seen = [...origin.reader.bundles()].flatMap(bundle => bundle.members)
  t.equal(seen.length, 10)
  t.equal(new Set(seen).size, 10)
  for (const number of seen) {
    const bundle = origin.reader.bundleOf(number)
    t.ok(bundle?.members.includes(number))
    t.ok(bundle && (await origin.objects.has(bundle.metainfo)))
    t.same(origin.reader.bundleByInfoHash(bundle?.infoHash ?? ('' as never)), bundle)
  }
})

t.test('an interrupted hashing goes on where it was', async t => {
  const origin = repository(t)
  for (let index = 0; index < 1200; index++) put(origin, `f${index}`, `content ${index}`)
  await age()
  const stop = new AbortController()
  const halted = origin.publish({
    signal: stop.signal,
    onProgress: progress => {
      if (progress.hashedFiles >= 600) stop.abort(new Error('interrupted'))
    },
  })
  await t.rejects(halted, { message: 'interrupted' })
  t.equal(origin.reader.latest(), null, 'nothing is published')
  t.equal(origin.reader.contentByHash(hashOf('content 1')), null, 'nor visible')
  const result = await origin.publish()
  t.equal(result.files, 1200)
  t.ok(result.hashedFiles <= 600, `${result.hashedFiles} files were left to hash`)
  t.equal(origin.reader.contentCount(), 1200)
})

t.test('what was hashed but not published leaves no trace', async t => {
  const origin = repository(t)
  for (let index = 0; index < 20; index++) put(origin, `f${index}`, `content ${index}`)
  await origin.publish()
  const stop = new AbortController()
  const passing = 'never published'.repeat(10_000)
  put(origin, 'passing', passing)
  const pool = {
    workers: 1,
    hash: (...parameters: Parameters<HashPool['hash']>) =>
      origin.hashPool.hash(...parameters).finally(() => stop.abort(new Error('interrupted'))),
  }
  await t.rejects(origin.publish({ hashPool: pool as unknown as HashPool, signal: stop.signal }), {
    message: 'interrupted',
  })
  rmSync(join(origin.root, 'passing'))
  put(origin, 'after', 'published')
  await origin.publish()
  t.equal(origin.reader.contentByHash(hashOf(passing)), null)
  const after = origin.reader.contentByHash(hashOf('published'))
  t.equal(origin.reader.coarseChunkHashes(after?.number ?? -1), null, 'nor its chunk hashes')
  t.equal(tableOf(origin.reader, 2).get('after'), hashOf('published'))
})
