import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { MirrorswarmError } from '../../core/errors.ts'
import type { Sha256 } from '../../core/ids.ts'
import { kernel } from '../../core/kernel/kernel.ts'
import { silentLogger } from '../../core/log.ts'
import {
  answererOf,
  BasisFolder,
  CountedSource,
  contentOf,
  directMatcher,
  finderOf,
  MemoryTarget,
  prefillerOf,
} from '../fixtures/delta-world.ts'
import { runsBytes } from '../logic/runs.ts'
import type { RangesSource } from '../ranges-client.ts'
import { Forms } from './forms.ts'
import { InsideSearch } from './inside.ts'
import { indexText } from './test-form.ts'

t.setTimeout(120_000)

const never = new AbortController().signal
const GiB = 2 ** 30

interface World {
  readonly folder: BasisFolder
  readonly forms: Forms
  readonly inside: InsideSearch
  /** Where the scratch files of a search lie. */
  readonly scratch: string
  readonly formsFolder: string
}

const worldFor = async (
  t: Test,
  given: { readonly usableBytes?: number; readonly formBytes?: number } = {},
): Promise<World> => {
  const root = await mkdtemp(join(tmpdir(), 'inside-'))
  const folder = await BasisFolder.make()
  const [scratch, formsFolder] = [join(root, 'inside'), join(root, 'forms')]
  const inside = new InsideSearch({
    ...{ folder: scratch, logger: silentLogger, kernel, matcher: directMatcher },
    usableBytes: async () => given.usableBytes ?? GiB,
  })
  const forms = new Forms({
    ...{ folder: formsFolder, mostBytes: given.formBytes ?? GiB, logger: silentLogger },
    usableBytes: async () => GiB,
  })
  t.teardown(async () => {
    await inside.stop()
    await forms.stop()
    await folder.remove()
    await rm(root, { recursive: true })
  })
  return { folder, forms, inside, scratch, formsFolder }
}

const before = indexText(4000)
/** A line of an entry here and there is another one. */
const after = before.replace(/^Version: 7\.3-1$/gm, (line, at) => (at % 5 ? line : 'Version: 8-1'))
const oldFile = gzipSync(before, { level: 9 })
const newFile = gzipSync(after, { level: 9 })

const hasScratch = ({ scratch }: World): boolean =>
  existsSync(scratch) && readdirSync(scratch).length > 0

const prefill = async (
  world: World,
  sources: readonly RangesSource[],
  { basis = oldFile, wanted = newFile } = {},
) => {
  const finder = finderOf([await world.folder.add(basis)])
  const target = new MemoryTarget(wanted.length)
  const prefiller = prefillerOf(finder, sources, directMatcher, world.inside)
  await prefiller.prefill(contentOf(wanted), never, target)
  const { bytes, missing } = target.completed(wanted)
  t.ok(bytes.equals(wanted), 'filled up it is the content')
  t.notOk(hasScratch(world), 'no scratch files are left')
  return { missing: runsBytes(missing), outcomes: finder.outcomes, prefiller }
}

t.test('a gzip file whose text changed a little costs little', async t => {
  const world = await worldFor(t)
  const source = new CountedSource('origin', [newFile], world.forms)
  const { missing, outcomes, prefiller } = await prefill(world, [source])
  t.equal(missing, 0)
  t.ok(source.bytes < newFile.length / 8, `${source.bytes} of ${newFile.length} bytes`)
  t.same(outcomes, [newFile.length])
  t.ok(prefiller.reusedBytes > newFile.length / 2)
})

t.test('what has nothing in common inside costs little more', async t => {
  const world = await worldFor(t)
  const others = [randomBytes(2_000_000), randomBytes(1_500_000).toString('base64')]
  for (const wanted of others.map(each => gzipSync(each, { level: 9 }))) {
    const source = new CountedSource('origin', [wanted], world.forms)
    const plain = new CountedSource('origin', [wanted])
    const cost = await prefill(world, [source], { wanted })
    const without = await prefill(world, [plain], { wanted })
    t.equal(cost.missing, without.missing)
    const more = source.bytes - plain.bytes
    t.ok(more < wanted.length * 0.005, `${more} bytes for nothing`)
  }
})

t.test('a holder without forms, or of an older version, leads to the ordinary way', async t => {
  const world = await worldFor(t)
  const none = new CountedSource('origin', [newFile])
  const { missing } = await prefill(world, [none])
  t.ok(missing > newFile.length / 2)
  const older: RangesSource = {
    name: 'older',
    send: async (body, signal) => {
      if (body[34] === 8) throw new MirrorswarmError('MS_REQUEST_INVALID', 'something unknown')
      return await none.send(body, signal)
    },
  }
  t.equal((await prefill(world, [older])).missing, missing)
  const origin = new CountedSource('origin', [newFile], world.forms)
  t.equal((await prefill(world, [older, none, origin])).missing, 0, 'the next one is asked')
})

/** Answers as it should, but for bytes that `change` changes. */
const lying = (forms: Forms, change: (answer: Buffer, request: number) => Buffer): RangesSource => {
  const answerer = answererOf([newFile], forms)
  let requests = 0
  return {
    name: 'liar',
    send: async (body, signal) => {
      const parts: Buffer[] = []
      for await (const part of answerer.answer(body, signal)) parts.push(part)
      const isForm = ((body[34] ?? 0) & 8) !== 0
      const answer = Buffer.concat(parts)
      const changed = isForm ? change(answer, requests++) : answer
      return (async function* () {
        yield changed
      })()
    },
  }
}

t.test('whatever a liar says of a form, the content is right in the end', async t => {
  const world = await worldFor(t)
  const noise = (bytes: Buffer, from: number): Buffer => {
    const changed = Buffer.from(bytes)
    randomBytes(Math.max(0, bytes.length - from)).copy(changed, from)
    return changed
  }
  const origin = new CountedSource('origin', [newFile], world.forms)
  for (const [name, change] of Object.entries({
    'another shape': (bytes: Buffer) => noise(bytes, 2),
    'other hashes': (bytes: Buffer, request: number) => (request === 1 ? noise(bytes, 14) : bytes),
    'other bytes': (bytes: Buffer, request: number) => (request > 4 ? noise(bytes, 20) : bytes),
    'cut short': (bytes: Buffer) => bytes.subarray(0, -1),
    'too long': (bytes: Buffer) => Buffer.concat([bytes, bytes]),
    nothing: () => Buffer.alloc(0),
    huge: () => Buffer.from([1, 0, ...Array<number>(6).fill(255), 1, 1, 1]),
  })) {
    await prefill(world, [lying(world.forms, change), origin])
    t.pass(name)
  }
})

t.test('without room on the disk nothing is written', async t => {
  const world = await worldFor(t, { usableBytes: 3 * before.length })
  const source = new CountedSource('origin', [newFile], world.forms)
  t.ok((await prefill(world, [source])).missing > 0)
})

t.test('what an earlier process left is removed, and so is what an abort leaves', async t => {
  const world = await worldFor(t)
  for (const folder of [world.scratch, world.formsFolder]) {
    mkdirSync(folder)
    writeFileSync(join(folder, 'basis'), 'left')
  }
  await world.inside.start()
  await world.forms.start()
  t.notOk(existsSync(world.scratch))
  t.same(readdirSync(world.formsFolder), [])
  const stop = new AbortController()
  const origin = new CountedSource('origin', [newFile], world.forms)
  let requests = 0
  const source: RangesSource = {
    name: 'origin',
    send: (body, signal) => {
      requests += 1
      if (requests === 3) stop.abort(new Error('stopped'))
      return origin.send(body, signal)
    },
  }
  const finder = finderOf([await world.folder.add(oldFile)])
  const prefiller = prefillerOf(finder, [source], directMatcher, world.inside)
  const target = new MemoryTarget(newFile.length)
  await t.rejects(prefiller.prefill(contentOf(newFile), stop.signal, target), {
    message: 'stopped',
  })
  t.notOk(hasScratch(world))
})

t.test('forms are kept within their bytes, and made once for all who ask', async t => {
  const bytes = before.length * 4
  const world = await worldFor(t, { formBytes: bytes })
  const files = [1, 2, 3, 4, 5, 6].map(level => gzipSync(before, { level }))
  let opened = 0
  const open = async (file: Buffer) => {
    const form = await world.forms.open(contentOf(file), async () => {
      opened += 1
      return { bytes: file }
    })
    if (form === null) throw new Error('no form')
    const text = await form.read(0, form.shape.textBytes)
    await form.close()
    return text.equals(Buffer.from(before))
  }
  const [first] = files
  if (first === undefined) return
  t.same(await Promise.all([open(first), open(first), open(first)]), [true, true, true])
  t.equal(opened, 1)
  for (const file of files) t.ok(await open(file))
  t.equal(opened, files.length)
  t.ok(world.forms.keptBytes <= bytes)
  t.ok(readdirSync(world.formsFolder).length < files.length)
  t.ok(await open(first), 'made once more')
})

t.test('what is no gzip file, or another one than its name says, has no form', async t => {
  const world = await worldFor(t)
  let opened = 0
  const open = (file: Buffer, sha256: Sha256 = contentOf(file).sha256) =>
    world.forms.open({ sha256, sizeBytes: file.length }, async () => {
      opened += 1
      return { bytes: file }
    })
  const odd = randomBytes(100_000)
  t.equal(await open(odd), null)
  t.equal(await open(odd), null)
  t.equal(opened, 1, 'this is remembered')
  t.equal(await open(newFile, contentOf(oldFile).sha256), null)
  t.equal(await open(gzipSync('small')), null)
  t.same(readdirSync(world.formsFolder), [])
})
