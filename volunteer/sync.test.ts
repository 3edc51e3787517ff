// The volunteer's loop with a stand-in for the origin: news, failures, hours, deletions.

import { rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../core/clock.ts'
import { MirrorswarmError } from '../core/errors.ts'
import { silentLogger } from '../core/log.ts'
import { type Follower, type SnapshotName, Sync } from './sync.ts'
import {
  type MirrorOptions,
  readMovingTree,
  readTree,
  testMirror,
  testRepository,
  until,
} from './test-mirror.ts'
import { wishesOf } from './wishes.ts'

const prepare = async (
  t: Test,
  more: MirrorOptions & { graceMs?: number | null; open?: boolean } = {},
) => {
  const repository = await testRepository(t)
  await repository.write('pool/a.deb', 'a'.repeat(9000))
  await repository.write('dists/Release', 'release 1')
  await repository.publish()
  const volunteer = await testMirror(t, repository, more)
  /** What this volunteer has applied: the manifest itself is shared with the repository. */
  let applied: SnapshotName | null = null
  let failures = 0
  let heads = 0
  const follower: Follower = {
    current: () => applied,
    catchUp: async (_signal, onChange) => {
      heads++
      if (failures-- > 0) throw new MirrorswarmError('MS_REMOTE_UNREACHABLE', 'the origin is down')
      const number = repository.reader.latest()?.number ?? 0
      if (applied?.number === number) return
      onChange()
      applied = { epoch: 1, number }
    },
  }
  const sync: Sync = new Sync(
    {
      ...{ follower, reconciler: volunteer.reconciler, adopter: volunteer.adopter },
      ...{ fetcher: volunteer.fetcher, placer: volunteer.placer, store: volunteer.store },
      clock: systemClock,
      random: () => 0,
      logger: silentLogger,
      onMilestone: () => undefined,
      checkMounted: async () => undefined,
    },
    { graceMs: more.graceMs === undefined ? 60_000 : more.graceMs, open: more.open ?? true },
  )
  t.teardown(() => sync.stop())
  return {
    ...{ repository, volunteer, sync },
    heads: () => heads,
    fail: (times: number) => {
      failures = times
    },
    publish: async () => sync.news({ epoch: 1, number: await repository.publish() }),
    shows: async () =>
      JSON.stringify(await readMovingTree(volunteer.mirror)) ===
      JSON.stringify(await readTree(repository.root)),
  }
}

t.setTimeout(60_000)

t.test('it follows the origin from news to news and is idle in between', async t => {
  const { repository, sync, shows, publish, heads } = await prepare(t, { graceMs: 0 })
  sync.start()
  await until('the first snapshot is shown', shows)
  await until('it is idle', () => sync.phase === 'idle')
  await repository.write('pool/b.deb', 'b')
  await repository.remove('pool/a.deb')
  await publish()
  await until('the second snapshot is shown', shows)
  sync.news({ epoch: 1, number: 2 })
  t.equal(heads(), 2, 'the same news again is no reason to ask')
})

t.test('an origin that is down is asked again, the known snapshot is mirrored anyway', async t => {
  const { sync, fail, shows, repository, publish } = await prepare(t)
  fail(2)
  sync.start()
  await until('the error is told', () => sync.lastError !== null)
  t.match(sync.lastError, /the origin is down/)
  await until('the snapshot is shown', shows)
  await until('the error is forgotten', () => sync.lastError === null)
  await repository.write('pool/c.deb', 'c')
  await publish()
  await until('news are followed', shows)
})

t.test('retired files go after the grace period, not before', async t => {
  const { repository, volunteer, sync, shows, publish } = await prepare(t, { graceMs: 3000 })
  sync.start()
  await until('the first snapshot is shown', shows)
  await repository.remove('pool/a.deb')
  await repository.write('dists/Release', 'release 2')
  await publish()
  await until('the new metadata is there', async () => {
    return (await readTree(volunteer.mirror))['dists/Release'] === 'release 2'
  })
  t.ok(await stat(join(volunteer.mirror, 'pool/a.deb')), 'still there')
  await until('it is gone', shows)
})

t.test('a retired file that the owner changed stays', async t => {
  const { repository, volunteer, sync, shows, publish } = await prepare(t, { graceMs: 2000 })
  sync.start()
  await until('the first snapshot is shown', shows)
  await repository.remove('pool/a.deb')
  await publish()
  await until('it is retired', () => volunteer.store.firstRetiredMs() !== null)
  await writeFile(join(volunteer.mirror, 'pool/a.deb'), 'mine now')
  await until('nothing is retired any more', () => volunteer.store.firstRetiredMs() === null)
  t.equal((await readTree(volunteer.mirror))['pool/a.deb'], 'mine now')
})

t.test('outside its hours nothing is transferred; afterwards it goes on', async t => {
  const { volunteer, sync, shows, heads } = await prepare(t, { open: false })
  sync.start()
  await new Promise(resolve => setTimeout(resolve, 100))
  t.equal(heads(), 0)
  t.strictSame(volunteer.fetched, [])
  await sync.setOpen(true)
  await until('the snapshot is shown', shows)
})

t.test('when the hours end, transfers end', async t => {
  const hold = Promise.withResolvers<void>()
  const { volunteer, sync, shows } = await prepare(t, { beforeMember: () => hold.promise })
  sync.start()
  await until('a transfer runs', () => volunteer.fetcher.activeCount > 0)
  const closing = sync.setOpen(false)
  hold.resolve()
  await closing
  t.equal(volunteer.fetcher.activeCount, 0)
  await sync.setOpen(true)
  await until('the snapshot is shown', shows)
})

t.test('news during a long transfer do not interrupt it', async t => {
  const hold = Promise.withResolvers<void>()
  let first = true
  const { repository, volunteer, sync, shows, publish } = await prepare(t, {
    graceMs: 0,
    beforeMember: async () => {
      if (!first) return
      first = false
      await hold.promise
    },
  })
  sync.start()
  await until('a transfer runs', () => volunteer.fetcher.activeCount > 0)
  await repository.write('pool/new.deb', 'n'.repeat(5000))
  await publish()
  const fresh = repository.contentAt('pool/new.deb').number
  await until('the new content came first', () => volunteer.fetched.includes(fresh))
  hold.resolve()
  await until('all is shown', shows)
  t.equal(new Set(volunteer.fetched).size, volunteer.fetched.length, 'nothing fetched twice')
})

t.test('a lost file is looked after at once', async t => {
  const { volunteer, repository, sync, shows } = await prepare(t)
  sync.start()
  await until('the snapshot is shown', shows)
  const content = repository.contentAt('pool/a.deb')
  await rm(join(volunteer.mirror, 'pool/a.deb'))
  const [held] = volunteer.store.filesOf(content.sha256)
  if (held === undefined) throw new Error('not held')
  volunteer.store.markChanged(held.path)
  sync.lost(held.path)
  await until('it is back', shows)
  t.ok(volunteer.store.holds(content.number))
})

t.test('an origin that answers again is no error any more, though nothing is new', async t => {
  const { volunteer, sync, fail, shows } = await prepare(t)
  sync.start()
  await until('the snapshot is shown', shows)
  fail(1)
  sync.news({ epoch: 1, number: 0 })
  await until('the error is told', () => sync.lastError !== null)
  await until('the error is forgotten', () => sync.lastError === null)
  t.equal(volunteer.store.placedSnapshot(), 1)
})

t.test('a retired file that cannot be deleted keeps neither others nor news', async t => {
  const { repository, volunteer, sync, shows, publish } = await prepare(t, { graceMs: 50 })
  await repository.write('zz-guarded/a.deb', 'ga')
  await repository.write('pool/z.deb', 'z')
  await publish()
  sync.start()
  await until('all is shown', shows)
  const { placer } = volunteer
  const remove = placer.remove.bind(placer)
  placer.remove = async path => {
    if (!path.startsWith('zz-guarded/')) return await remove(path)
    throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })
  }
  await repository.remove('zz-guarded/a.deb')
  await repository.remove('pool/z.deb')
  await publish()
  await until('the other is gone', async () => {
    return (await readMovingTree(volunteer.mirror))?.['pool/z.deb'] === undefined
  })
  await repository.write('pool/new.deb', 'n')
  await publish()
  await until('news are followed', async () => {
    return (await readMovingTree(volunteer.mirror))?.['pool/new.deb'] === 'n'
  })
})

t.test('space that retired files take is freed while transfers wait for it', async t => {
  let free = 1_000_000
  const { repository, volunteer, sync, shows, publish } = await prepare(t, {
    graceMs: 2500,
    freeBytes: () => free,
  })
  sync.start()
  await until('the first snapshot is shown', shows)
  await repository.remove('pool/a.deb')
  await publish()
  await until('it is retired', () => volunteer.store.firstRetiredMs() !== null)
  free = 100
  await repository.write('pool/new.deb', 'n'.repeat(5000))
  await publish()
  await until('transfers wait', () => volunteer.fetcher.pausedReason !== null)
  await until('the retired file is gone', () => volunteer.store.firstRetiredMs() === null)
  free = 1_000_000
  await until('the newest is shown', shows)
})

t.test('while transfers wait for space, retired files go before their time', async t => {
  let free = 1_000_000
  const { repository, volunteer, sync, shows, publish } = await prepare(t, {
    graceMs: null,
    freeBytes: () => free,
  })
  sync.setGrace(3_600_000)
  sync.start()
  await until('the first snapshot is shown', shows)
  await repository.remove('pool/a.deb')
  await publish()
  await until('it is retired', () => volunteer.store.firstRetiredMs() !== null)
  free = 100
  await repository.write('pool/new.deb', 'n'.repeat(5000))
  await publish()
  await until('the retired file is gone', () => volunteer.store.firstRetiredMs() === null)
  free = 1_000_000
  await until('the newest is shown', shows)
})

t.test('how long retired files stay is what the origin says', async t => {
  const asked = await prepare(t, { graceMs: null })
  asked.sync.start()
  await until('the first snapshot is shown', asked.shows)
  await asked.repository.remove('pool/a.deb')
  await asked.publish()
  await until('it is retired', () => asked.volunteer.store.firstRetiredMs() !== null)
  asked.sync.setGrace(0)
  await until('it is gone', () => asked.volunteer.store.firstRetiredMs() === null)
})

t.test('the owner’s word on how long retired files stay counts more', async t => {
  const owned = await prepare(t, { graceMs: 3_600_000 })
  owned.sync.setGrace(0)
  owned.sync.start()
  await until('the first snapshot is shown', owned.shows)
  await owned.repository.remove('pool/a.deb')
  await owned.publish()
  await until('it is retired', () => owned.volunteer.store.firstRetiredMs() !== null)
  await owned.repository.write('pool/new.deb', 'n')
  await owned.publish()
  // Each round begins with deletions that are due.
  await until('a round has passed', () => owned.volunteer.store.placedSnapshot() === 3)
  t.not(owned.volunteer.store.firstRetiredMs(), null)
})

t.test('other wishes are taken at once, and forgotten ones come back', async t => {
  const { repository, volunteer, sync, shows } = await prepare(t, { graceMs: 0 })
  await repository.write('images/big.iso', 'i'.repeat(50_000))
  await repository.publish()
  sync.start()
  await until('all is shown', shows)
  const names = async (): Promise<string> =>
    Object.keys((await readMovingTree(volunteer.mirror)) ?? {}).join(' ')
  const wish = (exclude: readonly string[], quotaBytes: number | null): void => {
    const { reconciler } = volunteer
    reconciler.change(wishesOf({ include: [], exclude, quotaBytes }, null))
    sync.rechoose()
  }
  wish(['*.iso'], null)
  await until('the image is gone', async () => (await names()) === 'dists/Release pool/a.deb')
  wish([], null)
  await until('it is back', shows)
  wish([], 10_000)
  await until('the quota is kept', async () => (await names()) === 'dists/Release pool/a.deb')
  t.equal(volunteer.reconciler.leftOut, 1)
  wish([], null)
  await until('all is back', shows)
  t.equal(sync.lastError, null)
})

t.test('wishes that change while files are fetched lose nothing', async t => {
  let wishes = 0
  const hooks: { change: () => void } = { change: () => undefined }
  const { repository, volunteer, sync, shows } = await prepare(t, {
    graceMs: 0,
    beforeMember: async () => hooks.change(),
  })
  for (let number = 0; number < 12; number++) {
    await repository.write(`pool/${number}.deb`, `${number}`.repeat(9000))
  }
  await repository.publish()
  const excludes = [['1*.deb'], [], ['pool'], ['2.deb', '3.deb'], []]
  hooks.change = () => {
    const exclude = excludes[wishes++]
    if (exclude === undefined) return
    volunteer.reconciler.change(wishesOf({ include: [], exclude, quotaBytes: null }, null))
    sync.rechoose()
  }
  sync.start()
  await until('the last wishes are kept', async () => wishes >= excludes.length && (await shows()))
  t.equal(sync.lastError, null)
})

t.test('another time of grace holds for what is retired already', async t => {
  const { repository, volunteer, sync, shows, publish } = await prepare(t, { graceMs: null })
  sync.start()
  await until('the first snapshot is shown', shows)
  await repository.remove('pool/a.deb')
  await publish()
  await until('it is retired', () => volunteer.store.firstRetiredMs() !== null)
  sync.setOwnGrace(3_600_000)
  sync.setGrace(0)
  await until('it is idle', () => sync.phase === 'idle')
  t.not(volunteer.store.firstRetiredMs(), null, 'the owner’s word comes first')
  sync.setOwnGrace(null)
  await until('it is gone, as the origin asked meanwhile', shows)
})
