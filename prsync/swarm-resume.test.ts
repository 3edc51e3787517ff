import assert from 'node:assert'
import { mkdir, open, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { MirrorswarmError } from '../core/errors.ts'
import type { ContentNumber } from '../core/ids.ts'
import {
  introduce,
  MemoryOrigin,
  makeBundle,
  startVolunteers,
  TestVolunteer,
  until,
} from './swarm-fixture.ts'

const KiB = 1024
const never = (): Promise<void> => new Promise(() => undefined)

t.test('after an end half-way only pieces in flight are fetched again', async t => {
  const bundle = makeBundle([700 * KiB, 30 * KiB, 500 * KiB + 5, 10], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const folder = join(t.testdir(), 'volunteer')
  const first = await new TestVolunteer(folder, [bundle], origin).start()
  origin.beforePart = async () => {
    if (origin.sentBytes >= bundle.uniqueBytes / 2) await never()
  }
  introduce(bundle, [first])
  const broken = first.download(bundle)
  broken.catch(() => undefined)
  const half = Math.floor(bundle.uniqueBytes / 2 / (64 * KiB)) - 2
  await until(() => first.swarm.progress().some(torrent => torrent.have >= half))
  await first.swarm.stop()
  await t.rejects(broken, { code: 'MS_REMOTE_UNREACHABLE' })
  const partials = await first.swarm.listPartials()
  t.ok(partials.length > 0)

  origin.beforePart = null
  const before = origin.sentBytes
  const second = await new TestVolunteer(folder, [bundle], origin).start()
  t.teardown(() => second.swarm.stop())
  for (const number of await second.placed(bundle)) await second.hold(number)
  introduce(bundle, [second])
  await second.download(bundle)
  t.strictSame(await second.placed(bundle), bundle.numbers)
  const again = before + (origin.sentBytes - before) - bundle.uniqueBytes
  t.comment(`${again} bytes were fetched twice`)
  t.ok(again <= 9 * 64 * KiB, 'at most the requests under way and one piece being written')
  t.strictSame(await second.swarm.listPartials(), [])
})

t.test('what a partial file holds is trusted only as far as its hashes go', async t => {
  const bundle = makeBundle([640 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const volunteer = new TestVolunteer(join(t.testdir(), 'volunteer'), [bundle], origin)
  const [content] = bundle.contents
  assert(content)
  const partial = join(volunteer.folder, 'partial', content.sha256)
  await mkdir(join(volunteer.folder, 'partial'), { recursive: true })
  // Pieces 0 to 3 are said to be there; 1 is not as it should be, and the rest is a hole.
  const bytes = Buffer.from(content.bytes.subarray(0, 4 * 64 * KiB))
  bytes[64 * KiB + 3] = (bytes[64 * KiB + 3] ?? 0) ^ 1
  await writeFile(partial, bytes)
  await truncate(partial, 640 * KiB)
  const journal = Buffer.alloc(4 * 5 + 3)
  for (const [at, ordinal] of [0, 1, 2, 3, 4_000_000].entries()) {
    journal.writeUInt32LE(ordinal, at * 4)
  }
  await writeFile(`${partial}.pieces`, journal)
  await volunteer.start()
  t.teardown(() => volunteer.swarm.stop())
  introduce(bundle, [volunteer])
  await volunteer.download(bundle)
  t.strictSame(await volunteer.placed(bundle), [0])
  t.equal(origin.sentBytes, 7 * 64 * KiB)
})

t.test('an aborted download leaves its partial files until they are dropped', async t => {
  const bundle = makeBundle([300 * KiB, 400 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [volunteer] = await startVolunteers(t, 1, [bundle], origin)
  assert(volunteer)
  origin.beforePart = async () => {
    if (origin.sentBytes >= 256 * KiB) await never()
  }
  introduce(bundle, [volunteer])
  const abort = new AbortController()
  const download = volunteer.download(bundle, bundle.numbers, abort.signal)
  download.catch(() => undefined)
  await until(() => volunteer.swarm.progress().some(torrent => torrent.have >= 3))
  const [content] = bundle.contents
  assert(content)
  t.equal(await volunteer.swarm.dropPartial(content.sha256), false, 'not while it is downloaded')
  await t.rejects(volunteer.download(bundle), { code: 'MS_INTERNAL' }, 'nor downloaded twice')
  abort.abort(new Error('enough'))
  await t.rejects(download, { message: 'enough' })
  t.ok(volunteer.swarm.progress().every(torrent => !torrent.downloading))

  const partials = await volunteer.swarm.listPartials()
  t.ok(partials.some(partial => partial.sha256 === content.sha256 && partial.diskBytes > 0))
  for (const { sha256 } of partials) t.equal(await volunteer.swarm.dropPartial(sha256), true)
  t.strictSame(await volunteer.swarm.listPartials(), [])

  origin.beforePart = null
  await volunteer.download(bundle)
  t.strictSame(await volunteer.placed(bundle), bundle.numbers, 'and it can be had again')
})

t.test('an aborted signal is refused at once', async t => {
  const bundle = makeBundle([10], 64 * KiB)
  const [volunteer] = await startVolunteers(t, 1, [bundle], new MemoryOrigin([bundle]))
  assert(volunteer)
  const signal = AbortSignal.abort(new Error('too late'))
  await t.rejects(volunteer.download(bundle, bundle.numbers, signal), { message: 'too late' })
})

t.test('a full disk ends the download, not the swarm', async t => {
  const bundle = makeBundle([100 * KiB, 70 * KiB], 64 * KiB)
  const other = makeBundle([50 * KiB], 64 * KiB, 2)
  const origin = new MemoryOrigin([bundle, other])
  const folder = join(t.testdir(), 'volunteer')
  const [content] = bundle.contents
  assert(content)
  await mkdir(join(folder, 'partial'), { recursive: true })
  await symlink('/dev/full', join(folder, 'partial', content.sha256))
  const writable = await open('/dev/full', 'r+').catch(() => null)
  await writable?.close()
  if (writable === null) return t.comment('no /dev/full here')
  const volunteer = await new TestVolunteer(folder, [bundle, other], origin).start()
  t.teardown(() => volunteer.swarm.stop())
  introduce(bundle, [volunteer])
  await t.rejects(volunteer.download(bundle), { code: 'MS_DISK_FULL' })
  introduce(other, [volunteer])
  await volunteer.download(other)
  t.strictSame(await volunteer.placed(other), [0])
})

t.test('a member that is not what its hash promises is dropped, the others are placed', async t => {
  const bundle = makeBundle([100 * KiB, 70 * KiB, 20], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [volunteer] = await startVolunteers(t, 1, [bundle], origin)
  assert(volunteer)
  introduce(bundle, [volunteer])
  const placed: ContentNumber[] = []
  const download = volunteer.swarm.download(bundle.loaded(), bundle.numbers, {
    signal: new AbortController().signal,
    onMember: async number => {
      if (number === 1) throw new MirrorswarmError('MS_CONTENT_MISMATCH', 'other bytes')
      placed.push(number)
    },
  })
  await t.rejects(download, { code: 'MS_CONTENT_MISMATCH' })
  t.strictSame(placed.sort(), [0, 2])
  const left = (await volunteer.swarm.listPartials()).map(partial => partial.sha256)
  t.notOk(left.includes(bundle.contents[1]?.sha256 as never))
})

t.test('a member lost from the mirror is fetched again though its torrent is open', async t => {
  const bundle = makeBundle([100 * KiB, 70 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [volunteer] = await startVolunteers(t, 1, [bundle], origin)
  assert(volunteer)
  introduce(bundle, [volunteer])
  await volunteer.download(bundle)
  t.equal(volunteer.swarm.openTorrents, 1)
  await rm(volunteer.file(1))
  volunteer.held.delete(1)
  introduce(bundle, [volunteer])
  await volunteer.download(bundle, [1])
  t.strictSame(await volunteer.placed(bundle), [0, 1])
  t.equal(origin.sentBytes, bundle.uniqueBytes + 70 * KiB)
})
