// Making a mirror show a snapshot: order, adoption, quota, space, and what an interruption leaves.

import { cp, link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { compileScope } from '../manifest/logic/scope.ts'
import { survey } from './survey.ts'
import {
  readTree,
  repoPath,
  type TestRepository,
  testMirror,
  testRepository,
  until,
} from './test-mirror.ts'

const big = (text: string): string => text.repeat(2000)

const filled = async (t: Test): Promise<TestRepository> => {
  const repository = await testRepository(t)
  await repository.write('pool/a.deb', big('a'))
  await repository.write('pool/b.deb', big('b'))
  await repository.write('pool/copy of a.deb', big('a'))
  await repository.write('empty', '')
  await repository.write('dists/Packages', big('index 1 '))
  await repository.write('dists/Release', big('release 1 '))
  await repository.link('latest', 'pool/b.deb')
  await repository.publish()
  return repository
}

t.test('a snapshot is mirrored completely, identical contents once', async t => {
  const repository = await filled(t)
  const volunteer = await testMirror(t, repository)
  t.equal(await volunteer.sync(), true)
  t.strictSame(await readTree(volunteer.mirror), await readTree(repository.root))
  t.equal(new Set(volunteer.fetched).size, volunteer.fetched.length, 'nothing fetched twice')
  t.equal(volunteer.fetched.length, 5)
  const links = await stat(join(volunteer.mirror, 'pool/a.deb'))
  t.equal(links.nlink, 2)
  t.equal(volunteer.store.placedSnapshot(), 1)
  t.strictSame(volunteer.work.progress(), {
    wantedFiles: 6,
    wantedBytes: volunteer.work.progress().heldBytes,
    heldFiles: 6,
    heldBytes: [big('a'), big('b'), big('index 1 '), big('release 1 ')].join('').length,
  })
})

t.test('metadata appears only when every pool file is there, markers last', async t => {
  const repository = await filled(t)
  const seen: string[][] = []
  const order: string[] = []
  const volunteer = await testMirror(t, repository, {
    beforeMember: async () => {
      seen.push(Object.keys(await readTree(volunteer.mirror)))
    },
    calls: {
      link,
      rename: (async (from, to) => {
        if (String(to).includes('dists')) order.push(String(to).split('/').at(-1) ?? '')
        await rename(from, to)
      }) as typeof rename,
    },
  })
  await volunteer.sync()
  t.ok(seen.length > 0)
  for (const names of seen)
    t.notOk(
      names.some(name => name.startsWith('dists')),
      names.join(),
    )
  t.strictSame(order, ['Packages', 'Release'])
})

t.test('a new snapshot fetches only what is new, and retires what is gone', async t => {
  const repository = await filled(t)
  const volunteer = await testMirror(t, repository)
  await volunteer.sync()
  volunteer.fetched.length = 0
  await repository.remove('pool/b.deb')
  await repository.remove('latest')
  await repository.write('pool/c.deb', big('c'))
  await repository.write('pool/renamed.deb', big('a'))
  await repository.write('dists/Release', big('release 2 '))
  await repository.publish()
  await volunteer.sync()
  t.strictSame(
    volunteer.fetched.map(Number).sort(),
    [
      repository.contentAt('pool/c.deb').number,
      repository.contentAt('dists/Release').number,
    ].sort(),
  )
  const tree = await readTree(volunteer.mirror)
  t.equal(tree['pool/b.deb'], big('b'), 'still there during the grace period')
  t.equal(tree['dists/Release'], big('release 2 '))
  const retired = volunteer.store.retired(Date.now() + 1000, 10)
  t.strictSame(retired.sort(), ['latest', 'pool/b.deb'])
})

t.test('a retired path that comes back is kept', async t => {
  const repository = await filled(t)
  const volunteer = await testMirror(t, repository)
  await volunteer.sync()
  await rename(join(repository.root, 'pool/b.deb'), join(repository.root, '..', 'b.deb'))
  await repository.publish()
  await volunteer.sync()
  t.equal(volunteer.store.retired(Date.now() + 1000, 10).length, 1)
  await rename(join(repository.root, '..', 'b.deb'), join(repository.root, 'pool/b.deb'))
  await repository.publish()
  volunteer.fetched.length = 0
  await volunteer.sync()
  t.strictSame(volunteer.store.retired(Date.now() + 1000, 10), [])
  t.strictSame(volunteer.fetched, [])
})

t.test('an existing mirror is adopted: nothing right is fetched, unknown files stay', async t => {
  const repository = await filled(t)
  const volunteer = await testMirror(t, repository)
  await cp(repository.root, volunteer.mirror, { recursive: true })
  await writeFile(join(volunteer.mirror, 'pool/b.deb'), 'an old version')
  await mkdir(join(volunteer.mirror, 'private'))
  await writeFile(join(volunteer.mirror, 'private/notes'), 'mine')
  const before = await stat(join(volunteer.mirror, 'private/notes'))
  await rm(join(volunteer.mirror, 'latest'))
  await volunteer.sync()
  t.strictSame(volunteer.fetched, [repository.contentAt('pool/b.deb').number])
  t.equal(volunteer.phases[0], 'adopting')
  t.strictSame(await readTree(volunteer.mirror), {
    ...(await readTree(repository.root)),
    'private/notes': 'mine',
  })
  t.equal((await stat(join(volunteer.mirror, 'private/notes'))).ino, before.ino)
})

t.test('a file with other bytes of the same size is hashed once, not at each survey', async t => {
  const repository = await filled(t)
  const volunteer = await testMirror(t, repository)
  await mkdir(join(volunteer.mirror, 'pool'))
  await writeFile(join(volunteer.mirror, 'pool/b.deb'), big('x'))
  let hashed = 0
  const { hash } = volunteer.hasher
  volunteer.hasher.hash = file => {
    hashed++
    return hash.call(volunteer.hasher, file)
  }
  const { signal } = new AbortController()
  const scope = compileScope({ include: [], exclude: [], dataFolder: null })
  const parts = {
    ...volunteer,
    reader: repository.reader,
    scope,
    quotaBytes: null,
    popular: () => [],
  }
  for (const _ of [1, 2, 3]) {
    await survey(parts, 1, signal)
    await volunteer.adopter.adopt(signal)
  }
  t.equal(hashed, 1)
})

t.test('what was placed but not yet recorded is recognised after a crash', async t => {
  const repository = await filled(t)
  const first = await testMirror(t, repository)
  await first.sync()
  await first.close()
  // As if the process had died between rename and record.
  await rm(join(first.base, 'data/held.db'))
  await writeFile(join(first.mirror, 'pool/.mirrorswarm-0123456789abcdef'), 'left over')
  await writeFile(join(first.mirror, 'pool/.mirrorswarm-of the owner'), 'mine')
  const second = await testMirror(t, repository, {}, first.base)
  await second.sync()
  t.strictSame(second.fetched, [])
  const { 'pool/.mirrorswarm-of the owner': mine, ...tree } = await readTree(second.mirror)
  t.equal(mine, 'mine')
  t.strictSame(tree, await readTree(repository.root), 'the left-over temporary is gone')
})

t.test('within a quota old and new of a path exist together for one transfer only', async t => {
  const repository = await testRepository(t)
  const sizeBytes = 33 * 1024 * 1024
  const names = [1, 2, 3].map(number => `pool/image-${number}.iso`)
  const write = async (first: number): Promise<void> => {
    for (const [index, name] of names.entries()) {
      await writeFile(join(repository.root, name), Buffer.alloc(sizeBytes, first + index))
    }
  }
  await repository.write('pool/small', 'x')
  await write(1)
  await repository.publish()
  const beside: number[] = []
  let excess = 0
  const quotaBytes = 3 * sizeBytes + 1
  const volunteer = await testMirror(t, repository, {
    quotaBytes,
    beforeMember: async () => {
      beside.push(volunteer.fetcher.activeCount)
      excess = Math.max(excess, volunteer.store.heldBytes() + sizeBytes - quotaBytes)
    },
  })
  await volunteer.sync()
  t.ok(Math.max(...beside) > 1, 'with room enough they come beside each other')
  t.ok(excess <= 0)
  await write(11)
  await repository.publish()
  beside.length = 0
  t.equal(await volunteer.sync(), true)
  t.same(beside, [1, 1, 1])
  t.ok(excess <= sizeBytes)
  for (const [index, name] of names.entries()) {
    t.equal((await readFile(join(volunteer.mirror, name)))[77], 11 + index)
  }
})

t.test('an interrupted synchronisation goes on where it was', async t => {
  const repository = await filled(t)
  const stop = new AbortController()
  let count = 0
  const volunteer = await testMirror(t, repository, {
    beforeMember: async () => {
      count++
      if (count === 2) stop.abort()
    },
  })
  t.equal(await volunteer.sync(stop.signal), false)
  await volunteer.fetcher.stop()
  t.notOk(volunteer.store.placedSnapshot())
  await volunteer.sync()
  t.strictSame(await readTree(volunteer.mirror), await readTree(repository.root))
  t.equal(volunteer.fetched.length, new Set(volunteer.fetched).size, 'nothing fetched twice')
})

t.test('poisoned bytes are never placed and the content is fetched again', async t => {
  const repository = await filled(t)
  const bad = repository.contentAt('pool/b.deb').number
  let poison = 2
  const volunteer = await testMirror(t, repository, {
    corrupt: content => content === bad && poison-- > 0,
  })
  await volunteer.sync()
  t.strictSame(await readTree(volunteer.mirror), await readTree(repository.root))
  t.equal(volunteer.fetched.filter(content => content === bad).length, 3)
})

t.test('a blocked path does not hold up the others and is not held', async t => {
  const repository = await filled(t)
  const volunteer = await testMirror(t, repository)
  await mkdir(join(volunteer.mirror, 'pool/b.deb'), { recursive: true })
  await writeFile(join(volunteer.mirror, 'pool/b.deb/notes'), 'mine')
  t.equal(await volunteer.sync(), true)
  t.match(volunteer.work.blocked(10), { count: 1, paths: [{ path: 'pool/b.deb' }] })
  t.notOk(volunteer.store.holds(repository.contentAt('pool/b.deb').number))
  const progress = volunteer.work.progress()
  t.equal(progress.heldBytes, progress.wantedBytes)
  t.equal(progress.heldFiles, progress.wantedFiles)
  const tree = await readTree(volunteer.mirror)
  t.equal(tree['pool/b.deb/notes'], 'mine')
  t.equal(tree['dists/Release'], big('release 1 '))
})

t.test('a quota keeps the newest, drops the oldest first, and is never exceeded', async t => {
  const repository = await testRepository(t)
  for (const [index, name] of ['a', 'b', 'c'].entries()) {
    await repository.write(name, name.repeat(10_000))
    await utimes(join(repository.root, name), 1000 + index, 1000 + index)
    await repository.publish()
  }
  let most = 0
  const volunteer = await testMirror(t, repository, {
    quotaBytes: 20_000,
    beforeMember: async () => {
      most = Math.max(most, volunteer.store.heldBytes())
    },
  })
  await volunteer.sync()
  t.strictSame(Object.keys(await readTree(volunteer.mirror)), ['b', 'c'])
  t.equal(volunteer.reconciler.leftOut, 1)
  t.equal(volunteer.work.progress().wantedBytes, 20_000)
  await repository.write('d', 'd'.repeat(10_000))
  await repository.publish()
  await volunteer.sync()
  t.strictSame(Object.keys(await readTree(volunteer.mirror)), ['c', 'd'])
  t.equal(most, 10_000, 'room was made before the new content came')
})

t.test('a transfer does not wait for what is wanted no more and nobody has', async t => {
  const repository = await testRepository(t)
  // So many that their bundle is not packed anew without the one that goes.
  const names = ['a', 'c', 'd', 'e', 'z']
  for (const name of names) await repository.write(name, name.repeat(1000))
  await repository.publish()
  const gone = repository.contentAt('z').number
  const gate = Promise.withResolvers<void>()
  const volunteer = await testMirror(t, repository, {
    beforeMember: async (content, signal) => {
      if (content !== gone) return gate.promise
      await new Promise((_resolve, reject) =>
        signal?.addEventListener('abort', () => reject(signal.reason)),
      )
    },
  })
  const news = new AbortController()
  const first = volunteer.sync(news.signal)
  await until('it is under way', () => volunteer.fetcher.activeCount > 0)
  news.abort()
  t.equal(await first, false)
  await repository.remove('z')
  await repository.publish()
  const second = volunteer.sync()
  setImmediate(() => gate.resolve())
  t.equal(await second, true)
  t.strictSame(Object.keys(await readTree(volunteer.mirror)), ['a', 'c', 'd', 'e'])
})

t.test('what cannot be deleted to make room keeps nothing else from going on', async t => {
  const repository = await testRepository(t)
  for (const name of ['a', 'b', 'c']) {
    await repository.write(name, name.repeat(10_000))
    await repository.publish()
  }
  const volunteer = await testMirror(t, repository, { quotaBytes: 20_000 })
  await volunteer.sync()
  const remove = volunteer.placer.remove.bind(volunteer.placer)
  volunteer.placer.remove = async path => {
    if (path !== 'b') return remove(path)
    throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })
  }
  await repository.write('d', 'd'.repeat(10_000))
  await repository.publish()
  t.equal(await volunteer.sync(), true)
  t.strictSame(Object.keys(await readTree(volunteer.mirror)), ['b', 'c', 'd'])
})

t.test('too little free space pauses with a reason, and goes on when there is more', async t => {
  const repository = await filled(t)
  let free = 5000
  const volunteer = await testMirror(t, repository, { minFreeBytes: 4000, freeBytes: () => free })
  const running = volunteer.sync()
  await until('it pauses', () => volunteer.fetcher.pausedReason !== null)
  t.match(volunteer.fetcher.pausedReason, /--min-free/)
  t.strictSame(volunteer.fetched.length, 1, 'only the empty file fits')
  free = 1_000_000
  t.equal(await running, true)
  t.equal(volunteer.fetcher.pausedReason, null)
  t.strictSame(await readTree(volunteer.mirror), await readTree(repository.root))
})

t.test('scope: only matching paths, but all of them', async t => {
  const repository = await filled(t)
  const scope = compileScope({ include: ['pool'], exclude: ['copy*'], dataFolder: null })
  const volunteer = await testMirror(t, repository, { scope })
  await volunteer.sync()
  t.strictSame(Object.keys(await readTree(volunteer.mirror)), ['pool/a.deb', 'pool/b.deb'])
})

t.test(
  'a held file that is changed or gone is noticed and mirrored again if it may be',
  async t => {
    const repository = await filled(t)
    const volunteer = await testMirror(t, repository)
    await volunteer.sync()
    await writeFile(join(volunteer.mirror, 'pool/b.deb'), 'edited by the owner')
    await rm(join(volunteer.mirror, 'dists/Packages'))
    await utimes(join(volunteer.mirror, 'empty'), 5, 5)
    volunteer.fetched.length = 0
    const { signal } = new AbortController()
    t.equal(await volunteer.adopter.recheck(signal), true)
    t.notOk(volunteer.store.holds(repository.contentAt('pool/b.deb').number))
    await volunteer.sync()
    const tree = await readTree(volunteer.mirror)
    t.equal(tree['pool/b.deb'], 'edited by the owner')
    t.equal(tree['dists/Packages'], big('index 1 '))
    t.ok(volunteer.store.holds(repository.contentAt('empty').number), 'a new time alone is no harm')
    t.match(volunteer.work.blocked(10), { paths: [{ path: repoPath('pool/b.deb') }] })
    t.equal(await volunteer.adopter.recheck(signal), false)
  },
)
