import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { Sha256 } from '../core/ids.ts'
import { sha256Hex } from '../core/keys.ts'
import { clockAt, TestFollower, TestRepository, tableOf } from './fixtures/test-repository.ts'
import type { Head } from './model.ts'

const setUp = (t: Test) => {
  const folder = t.testdir()
  const origin = new TestRepository(folder)
  const followers: TestFollower[] = []
  t.teardown(async () => {
    for (const follower of followers) follower.close()
    await origin.close()
  })
  const follower = (): TestFollower => {
    const made = new TestFollower(join(folder, `follower-${followers.length}.db`))
    followers.push(made)
    return made
  }
  return { origin, follower }
}

/** A tree as a record: a text is a file's content, an object a link's target. */
type Tree = Record<string, string | { target: string }>

const write = (origin: TestRepository, tree: Tree): void => {
  rmSync(origin.root, { recursive: true })
  mkdirSync(origin.root)
  for (const [name, what] of Object.entries(tree)) {
    const file = join(origin.root, name)
    mkdirSync(dirname(file), { recursive: true })
    if (typeof what === 'string') writeFileSync(file, what)
    else symlinkSync(what.target, file)
  }
}

const publishTree = async (origin: TestRepository, tree: Tree): Promise<number> => {
  write(origin, tree)
  return (await origin.publish({ allowShrink: true })).snapshot.number
}

const samePicture = (t: Test, origin: TestRepository, follower: TestFollower, name: string) => {
  const number = origin.reader.latest()?.number ?? 0
  t.same(follower.reader.latest(), origin.reader.latest(), `${name}: the snapshot's numbers`)
  t.same(tableOf(follower.reader, number), tableOf(origin.reader, number), `${name}: the entries`)
  t.equal(follower.reader.contentCount(), origin.reader.contentCount(), `${name}: the count`)
  for (const content of origin.reader.contentsOf(number)) {
    const expected = origin.reader.contentByNumber(content)
    t.same(follower.reader.contentByNumber(content), expected, `${name}: content ${content}`)
    const bundle = origin.reader.bundleOf(content)
    t.same(follower.reader.bundleOf(content), bundle, `${name}: bundle of ${content}`)
    for (const member of bundle?.members ?? []) {
      t.same(follower.reader.contentByNumber(member), origin.reader.contentByNumber(member))
    }
    const paths = origin.reader.pathsOf(content, number)
    t.same(follower.reader.pathsOf(content, number), paths, `${name}: paths of ${content}`)
  }
}

const names = ['a', 'b', 'c/x', 'c/y', 'd/e/f', 'g', 'h/i', 'j']
const treeArbitrary: fc.Arbitrary<Tree> = fc.dictionary(
  fc.constantFrom(...names),
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('', 'one', 'two', 'three', 'four', 'five', 'six') },
    { weight: 1, arbitrary: fc.constantFrom({ target: 'a' }, { target: 'nowhere' }) },
  ),
)

t.test(
  'a volunteer at any snapshot reaches any later one, by differences or from nothing',
  async t => {
    const property = fc.asyncProperty(
      fc.array(treeArbitrary, { minLength: 1, maxLength: 6 }),
      async trees => {
        await t.test('a history of trees', async t => {
          const { origin, follower } = setUp(t)
          const followers: TestFollower[] = []
          for (const tree of trees) {
            // One starts at each snapshot, and each follows only now and then.
            const number = await publishTree(origin, tree)
            const joining = follower()
            await joining.follow(origin)
            samePicture(t, origin, joining, `joined at ${number}`)
            for (const [index, earlier] of followers.entries()) {
              if ((number + index) % 2 === 0) continue
              await earlier.follow(origin)
              samePicture(t, origin, earlier, `follower ${index} at ${number}`)
            }
            followers.push(joining)
          }
          for (const [index, each] of followers.entries()) {
            await each.follow(origin)
            samePicture(t, origin, each, `follower ${index} in the end`)
            t.same(each.startedOver, [])
          }
        })
      },
    )
    await fc.assert(property, { numRuns: 12 })
  },
)

t.test(
  'a checkpoint is written when differences grow, and newcomers need nothing older',
  async t => {
    const { origin, follower } = setUp(t)
    const tree: Tree = {}
    for (let index = 0; index < 500; index++) tree[`pool/${index}`] = `first ${index}`
    await publishTree(origin, tree)
    const early = follower()
    await early.follow(origin)
    const behind = follower()
    await behind.follow(origin)
    let checkpoint = 0
    for (let round = 0; round < 12 && checkpoint === 0; round++) {
      for (let index = 0; index < 400; index++) tree[`pool/${index}`] = `round ${round} ${index}`
      await publishTree(origin, tree)
      await early.follow(origin)
      checkpoint = origin.head().checkpoint.snapshot
    }
    t.ok(checkpoint > 1, `checkpoint at ${checkpoint}`)
    tree.last = 'after the checkpoint'
    await publishTree(origin, tree)
    const head = origin.head()
    t.equal(head.checkpoint.snapshot, checkpoint)

    const newcomer = follower()
    const loaded: string[] = []
    await newcomer.follow(
      Object.assign(Object.create(origin), {
        fetchPart: (part: { sha256: string }) => {
          loaded.push(part.sha256)
          return origin.fetchPart(part as never)
        },
      }),
      head,
    )
    samePicture(t, origin, newcomer, 'newcomer')
    t.equal(loaded.length, head.checkpoint.segments.length + 1)
    await early.follow(origin)
    samePicture(t, origin, early, 'early')
    await behind.follow(origin)
    samePicture(t, origin, behind, 'behind')
    t.equal(behind.reader.snapshots().length, origin.reader.snapshots().length, 'by differences')

    const { differences, ...rest } = head
    const late = follower()
    const first: Head = {
      ...rest,
      differences: differences.filter(part => part.from >= checkpoint),
    }
    await late.follow(origin, first)
    samePicture(t, origin, late, 'late')
  },
)

t.test(
  'a content that comes back after a checkpoint brings its bundle and all members',
  async t => {
    const { origin, follower } = setUp(t)
    const filler = (round: number): Tree =>
      Object.fromEntries(
        Array.from({ length: 600 }, (_, index) => [`fill/${index}`, `${round} ${index}`]),
      )
    await publishTree(origin, { a: 'shy a', b: 'shy b', c: 'shy c', ...filler(0) })
    let round = 1
    while (origin.head().checkpoint.snapshot === 0) {
      await publishTree(origin, filler(round))
      round += 1
    }
    const newcomer = follower()
    const head = origin.head()
    await newcomer.follow(origin, { ...head, differences: [] })
    t.equal(newcomer.reader.contentByHash(sha256Hex('shy b') as Sha256), null, 'retired by then')
    await publishTree(origin, { ...filler(round - 1), back: 'shy b' })
    await newcomer.follow(origin)
    samePicture(t, origin, newcomer, 'newcomer')
    t.same(newcomer.startedOver, [])
  },
)

t.test('a damaged or foreign part changes nothing', async t => {
  const { origin, follower } = setUp(t)
  await publishTree(origin, { a: 'a', b: 'b' })
  const volunteer = follower()
  await volunteer.follow(origin)
  await publishTree(origin, { a: 'a', b: 'changed', c: 'c' })
  const head = origin.head()
  const wrong = (change: (bytes: Buffer) => Buffer | Promise<Buffer>) =>
    Object.assign(Object.create(origin), {
      fetchPart: async (part: never) => change(await origin.fetchPart(part)),
    }) as TestRepository
  const flipped = wrong(bytes => {
    const copy = Buffer.from(bytes)
    copy[20] = (copy[20] ?? 0) ^ 1
    return copy
  })
  await t.rejects(volunteer.follow(flipped, head), { code: 'MS_MANIFEST_INVALID' })
  const failing = wrong(() => Promise.reject(new Error('unreachable')))
  await t.rejects(volunteer.follow(failing, head), { message: 'unreachable' })
  t.equal(volunteer.reader.latest()?.number, 1)
  t.equal(tableOf(volunteer.reader, 1).size, 2)
  await volunteer.follow(origin)
  samePicture(t, origin, volunteer, 'in the end')
})

/** A head whose only difference from nothing is made of these lines. */
const forged = async (origin: TestRepository, edit: (lines: string[]) => string[]) => {
  const head = origin.head()
  const part = head.differences[0]
  if (part === undefined) throw new Error('no difference')
  const plain = (await promisify(gunzip)(await origin.fetchPart(part))).toString()
  const lines = edit(plain.trimEnd().split('\n'))
  const bytes = await promisify(gzip)(`${lines.join('\n')}\n`)
  const sha256 = await origin.objects.put(bytes)
  return { ...head, differences: [{ ...part, sha256, sizeBytes: bytes.length }] } satisfies Head
}

t.test('parts that contradict themselves or the protocol are refused whole', async t => {
  const { origin, follower } = setUp(t)
  await publishTree(origin, { a: 'a', 'b/c': 'b', l: { target: 'a' } })
  const edits: Record<string, (lines: string[]) => string[]> = {
    'no end': lines => lines.slice(0, -1),
    'too few records': lines => lines.toSpliced(2, 1),
    'a path that climbs': lines => lines.map(line => line.replace('"path":"a"', '"path":"../a"')),
    'a path with a NUL': lines => lines.map(line => line.replace('"path":"a"', '"path":"%00"')),
    'a path that is not canonical': lines => lines.map(line => line.replace('"b/c"', '"b//c"')),
    'a reserved path': lines => lines.map(line => line.replace('"path":"a"', '"path":"-/a"')),
    'a target that climbs': lines =>
      lines.map(line => line.replace('"target":"a"', '"target":"../a"')),
    'an unknown content': lines => lines.map(line => line.replace('"content":0', '"content":1000')),
    'a content that is not there': lines => {
      const at = lines.findIndex(line => line.includes('"type":"content"'))
      const end = lines.length - 1
      return lines
        .toSpliced(end, 1, JSON.stringify({ type: 'end', records: end - 2 }))
        .toSpliced(at, 1)
    },
    'two contents of one hash': lines => lines.map(line => line.replace('"n":1,', '"n":0,')),
    'a wrong count of files': lines => lines.map(line => line.replace('"files":2', '"files":3')),
    'another repository': lines =>
      lines.map(line => line.replace(/"repository":"..../, '"repository":"0000')),
    'another epoch': lines => lines.map(line => line.replace('"epoch":1', '"epoch":2')),
    'another snapshot': lines => lines.map(line => line.replace('"to":1', '"to":2')),
    'no JSON': lines => lines.toSpliced(1, 1, '{'),
    'a list': lines => lines.toSpliced(1, 1, '[]'),
  }
  for (const [name, edit] of Object.entries(edits)) {
    const volunteer = follower()
    const head = await forged(origin, edit)
    await t.rejects(volunteer.follow(origin, head), { code: 'MS_MANIFEST_INVALID' }, name)
    t.equal(volunteer.reader.latest(), null, `${name}: nothing is there`)
  }
  const volunteer = follower()
  const newer = (lines: string[]): string[] => {
    const end = JSON.stringify({ type: 'end', records: lines.length - 1, more: true })
    return [...lines.slice(0, -1), JSON.stringify({ type: 'novelty', path: '..' }), end]
  }
  await volunteer.follow(origin, await forged(origin, newer))
  samePicture(t, origin, volunteer, 'unknown types and fields are ignored')
})

t.test('a gzip bomb is not inflated', async t => {
  const { origin, follower } = setUp(t)
  await publishTree(origin, { a: 'a' })
  const head = origin.head()
  const part = head.differences[0]
  if (part === undefined) throw new Error('no difference')
  const bytes = await promisify(gzip)(Buffer.alloc(80 * 1024 * 1024, 0x20))
  const sha256 = await origin.objects.put(bytes)
  const bomb = { ...head, differences: [{ ...part, sha256, sizeBytes: bytes.length }] }
  await t.rejects(follower().follow(origin, bomb), { code: 'MS_MANIFEST_INVALID' })
})

t.test('a copy that drifted from its origin notices, and is loaded anew', async t => {
  const { origin, follower } = setUp(t)
  await publishTree(origin, { a: 'a', b: 'b', c: 'c' })
  const volunteer = follower()
  await volunteer.follow(origin)
  volunteer.store.database.exec("DELETE FROM entries WHERE path = 'b'")
  await publishTree(origin, { a: 'a', b: 'b', c: 'changed' })
  await volunteer.follow(origin)
  samePicture(t, origin, volunteer, 'healed')
  t.match(volunteer.startedOver, [/has 3 files, but 2 are here/])
})

t.test('a new epoch starts anew, an old snapshot is refused', async t => {
  const { origin, follower } = setUp(t)
  await publishTree(origin, { a: 'a', b: 'b' })
  const old = origin.head()
  await publishTree(origin, { a: 'a', b: 'other' })
  const volunteer = follower()
  await volunteer.follow(origin)
  await t.rejects(volunteer.follow(origin, old), { code: 'MS_MANIFEST_INVALID' })

  const repositoryId = origin.store.identity()?.repositoryId
  if (repositoryId === undefined) throw new Error('no identity')
  origin.store.setIdentity({ repositoryId, epoch: 2 })
  t.equal(origin.reader.headParts(), null, 'the parts of the old epoch are forgotten')
  await origin.publish()
  const head = origin.head()
  t.match(head, { epoch: 2, snapshot: 2, checkpoint: { snapshot: 2 } })
  await volunteer.follow(origin)
  samePicture(t, origin, volunteer, 'in the new epoch')
  t.equal(volunteer.reader.identity()?.epoch, 2)
})

t.test('a head is made by the clock that is given', async t => {
  const { origin } = setUp(t)
  write(origin, { a: 'a' })
  await origin.publish({ clock: clockAt(() => 12_345) })
  t.equal(origin.reader.latest()?.createdMs, 12_345)
})
