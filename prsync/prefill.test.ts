import { randomBytes } from 'node:crypto'
import { rm, utimes, writeFile } from 'node:fs/promises'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { MirrorswarmError } from '../core/errors.ts'
import {
  BasisFolder,
  CountedSource,
  contentOf,
  directMatcher,
  finderOf,
  MemoryTarget,
  prefillerOf,
} from './fixtures/delta-world.ts'
import { runsBytes } from './logic/runs.ts'
import type { RangesSource } from './ranges-client.ts'

const never = new AbortController().signal
const MiB = 1024 * 1024

const folderFor = async (t: Test): Promise<BasisFolder> => {
  const folder = await BasisFolder.make()
  t.teardown(() => folder.remove())
  return folder
}

/** Bytes as `pieces` say: parts of `old` and new ones. */
const edited = (old: Buffer): Buffer =>
  Buffer.concat([
    old.subarray(0, 300_000),
    randomBytes(100),
    old.subarray(300_000, 700_000),
    old.subarray(710_000),
    old.subarray(0, 50_000),
  ])

t.test('only what is new is missing, and the hashes cost little', async t => {
  const folder = await folderFor(t)
  const old = randomBytes(2 * MiB)
  const target = edited(old)
  const source = new CountedSource('origin', [target])
  const finder = finderOf([await folder.add(old)])
  const file = new MemoryTarget(target.length)
  await prefillerOf(finder, [source]).prefill(contentOf(target), never, file)
  const { bytes, missing } = file.completed(target)
  t.ok(bytes.equals(target))
  const missingBytes = runsBytes(missing)
  t.ok(missingBytes < 100 + 4 * 128, `${missingBytes} bytes missing`)
  t.ok(source.bytes < 4000, `${source.bytes} bytes of hashes`)
  t.same(finder.outcomes, [target.length - missingBytes])
})

t.test('whatever was edited, moved or repeated: filled up it is the content', async t => {
  const folder = await folderFor(t)
  const anyPiece = fc.oneof(
    fc.record({ from: fc.nat(200_000), length: fc.nat(60_000) }),
    fc.record({ fresh: fc.nat(3000), byte: fc.nat(255) }),
    fc.record({
      repeat: fc.integer({ min: 1, max: 40_000 }),
      period: fc.constantFrom(1, 3, 64, 1000),
    }),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyPiece, { minLength: 1, maxLength: 10 }),
      fc.nat(2),
      async (pieces, kind) => {
        const random = randomBytes(260_000)
        const old =
          kind === 0
            ? random
            : kind === 1
              ? Buffer.alloc(260_000, random.subarray(0, 512))
              : Buffer.alloc(260_000)
        const target = Buffer.concat(
          pieces.map(piece => {
            if ('from' in piece) return old.subarray(piece.from, piece.from + piece.length)
            if ('fresh' in piece) return Buffer.alloc(piece.fresh, piece.byte)
            return Buffer.alloc(piece.repeat, random.subarray(0, piece.period))
          }),
        )
        const finder = finderOf([await folder.add(old), await folder.add(random.subarray(7))])
        const file = new MemoryTarget(target.length)
        const source = new CountedSource('origin', [target])
        await prefillerOf(finder, [source]).prefill(contentOf(target), never, file)
        return file.completed(target).bytes.equals(target)
      },
    ),
    { numRuns: 60 },
  )
})

t.test(
  'nobody is asked anything when nothing plausible is held, or the content is small',
  async t => {
    const folder = await folderFor(t)
    const target = randomBytes(MiB)
    const source = new CountedSource('origin', [target])
    const file = new MemoryTarget(target.length)
    await prefillerOf(finderOf([]), [source]).prefill(contentOf(target), never, file)
    const small = target.subarray(0, 10_000)
    const finder = finderOf([await folder.add(small)], [])
    await prefillerOf(finder, [source]).prefill(contentOf(small), never, file)
    t.equal(source.requests, 0)
    t.same(file.runs, [])
  },
)

t.test('anchors find what names do not, and are asked for only if much is missing', async t => {
  const folder = await folderFor(t)
  const parts = [randomBytes(700_000), randomBytes(MiB), randomBytes(900_000)] as const
  const target = Buffer.concat(parts)
  const source = new CountedSource('origin', [target])
  const [named, ...anchored] = [
    await folder.add(parts[0]),
    await folder.add(parts[1]),
    await folder.add(parts[2]),
  ]
  const finder = finderOf([named], [named, ...anchored])
  const file = new MemoryTarget(target.length)
  await prefillerOf(finder, [source]).prefill(contentOf(target), never, file)
  const { bytes, missing } = file.completed(target)
  t.ok(bytes.equals(target))
  t.ok(runsBytes(missing) < 1000, `${runsBytes(missing)} bytes missing`)
  t.equal(finder.anchorLists.length, 1)
  const again = finderOf([await folder.add(target)], anchored)
  await prefillerOf(again, [source]).prefill(contentOf(target), never, file)
  t.equal(again.anchorLists.length, 0)
})

t.test(
  'a neighbour that does not hold it, lies or breaks off is left for the next one',
  async t => {
    const folder = await folderFor(t)
    const old = randomBytes(MiB)
    const target = edited(old)
    const origin = new CountedSource('origin', [target])
    const without = new CountedSource('neighbour', [])
    const broken: RangesSource = {
      name: 'broken',
      send: async () =>
        (async function* () {
          yield Buffer.of(1, 0, 1, 2, 3)
          throw new MirrorswarmError('MS_REMOTE_UNREACHABLE', 'it broke off')
        })(),
    }
    const finder = finderOf([await folder.add(old)])
    const file = new MemoryTarget(target.length)
    await prefillerOf(finder, [without, broken, origin]).prefill(contentOf(target), never, file)
    t.ok(file.completed(target).bytes.equals(target))
    t.ok(runsBytes(file.runs) > target.length - 2000)
    t.equal(without.requests, 1)
  },
)

t.test('wrong hashes give no match or a wrong one, but nothing breaks', async t => {
  const folder = await folderFor(t)
  const old = randomBytes(MiB)
  const target = edited(old)
  // Hashes of the old content under the new one's name: everything matches, and wrongly.
  const swapped = Buffer.concat([old, old]).subarray(0, target.length)
  const answers = new CountedSource('liar', [swapped])
  const renamed = Buffer.from(contentOf(swapped).sha256, 'hex')
  const liar: RangesSource = {
    name: 'liar',
    send: (body, signal) => {
      const forged = Buffer.from(body)
      renamed.copy(forged, 2)
      return answers.send(forged, signal)
    },
  }
  const finder = finderOf([await folder.add(old)])
  const file = new MemoryTarget(target.length)
  await prefillerOf(finder, [liar]).prefill(contentOf(target), never, file)
  t.ok(runsBytes(file.runs) > 0)
  t.notOk(file.completed(target).bytes.equals(target), 'the hash of its piece finds that out')
})

t.test('without anybody to ask, what was found is used and the rest is fetched', async t => {
  const folder = await folderFor(t)
  const old = randomBytes(MiB)
  const target = edited(old)
  const origin = new CountedSource('origin', [target])
  let left = 2
  const leaving: RangesSource = {
    name: 'leaving',
    send: async (body, signal) => {
      left -= 1
      if (left < 0) throw new MirrorswarmError('MS_REMOTE_UNREACHABLE', 'it is gone')
      return await origin.send(body, signal)
    },
  }
  const finder = finderOf([await folder.add(old)])
  for (const sources of [[leaving], []]) {
    const file = new MemoryTarget(target.length)
    await prefillerOf(finder, sources).prefill(contentOf(target), never, file)
    t.ok(file.completed(target).bytes.equals(target))
    t.equal(file.runs.length > 0, sources.length > 0)
  }
  t.same(finder.outcomes, [], 'that says nothing about the basis')
})

t.test('a basis that changes underneath does not count', async t => {
  const folder = await folderFor(t)
  const old = randomBytes(MiB)
  const target = edited(old)
  for (const change of [
    (file: string) => writeFile(file, randomBytes(MiB)),
    (file: string) => utimes(file, 1, 1),
    (file: string) => writeFile(file, old.subarray(0, 1000)),
    (file: string) => rm(file, { force: true }),
  ]) {
    const basis = await folder.add(old)
    const kept = await folder.add(old.subarray(0, 400_000))
    const file = new MemoryTarget(target.length)
    const matcher: typeof directMatcher = {
      match: async (...search) => {
        const found = await directMatcher.match(...search)
        // While the copying goes on.
        const write = file.writeLocal
        Object.assign(file, {
          writeLocal: async (...args: Parameters<typeof write>) => {
            await change(String(basis.file))
            await write(...args)
          },
        })
        return found
      },
    }
    const source = new CountedSource('origin', [target])
    await prefillerOf(finderOf([basis, kept]), [source], once(matcher)).prefill(
      contentOf(target),
      never,
      file,
    )
    t.ok(file.completed(target).bytes.equals(target))
  }
})

/** The first search as given, all others without consequences. */
const once = (matcher: typeof directMatcher): typeof directMatcher => {
  let isFirst = true
  return {
    match: (...search) => {
      const now = isFirst ? matcher : directMatcher
      isFirst = false
      return now.match(...search)
    },
  }
}

t.test('cancelled in the middle it ends with the reason and claims nothing', async t => {
  const folder = await folderFor(t)
  const old = randomBytes(MiB)
  const target = edited(old)
  const origin = new CountedSource('origin', [target])
  for (const stage of ['asking', 'matching', 'copying'] as const) {
    const abort = new AbortController()
    const cancel = (): void => abort.abort(new Error('cancelled'))
    const file = new MemoryTarget(target.length)
    if (stage === 'copying') Object.assign(file, { writeLocal: async () => cancel() })
    const source: RangesSource = {
      name: 'origin',
      send: (body, signal) => {
        if (stage === 'asking' && origin.requests % 2 === 1) cancel()
        return origin.send(body, signal)
      },
    }
    const matcher: typeof directMatcher = {
      match: async (...search) => {
        if (stage === 'matching') cancel()
        return await directMatcher.match(...search)
      },
    }
    const prefiller = prefillerOf(finderOf([await folder.add(old)]), [source], matcher)
    await t.rejects(prefiller.prefill(contentOf(target), abort.signal, file), /cancelled/, stage)
    t.same(file.runs, [])
  }
})

t.test('a full disk is passed on', async t => {
  const folder = await folderFor(t)
  const old = randomBytes(MiB)
  const target = edited(old)
  const origin = new CountedSource('origin', [target])
  const file = {
    writeLocal: async () => {
      throw new MirrorswarmError('MS_DISK_FULL', 'no space left')
    },
    setCoverage: async () => {
      t.fail('nothing was copied')
    },
  }
  const prefiller = prefillerOf(finderOf([await folder.add(old)]), [origin])
  await t.rejects(prefiller.prefill(contentOf(target), never, file), { code: 'MS_DISK_FULL' })
})

t.test('zeros need no basis', async t => {
  const folder = await folderFor(t)
  const old = randomBytes(100_000)
  const target = Buffer.concat([old, Buffer.alloc(500_000), randomBytes(1000)])
  const origin = new CountedSource('origin', [target])
  const file = new MemoryTarget(target.length)
  const prefiller = prefillerOf(finderOf([await folder.add(old)]), [origin])
  await prefiller.prefill(contentOf(target), never, file)
  t.ok(file.completed(target).bytes.equals(target))
  t.ok(runsBytes(file.runs) > 599_000, `${runsBytes(file.runs)} bytes`)
})
