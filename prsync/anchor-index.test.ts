import { createHash } from 'node:crypto'
import { cpSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { droppedContentsKept, droppedForgottenAtOnce } from '../core/basis-limits.ts'
import { seededRandom } from '../core/clock.ts'
import type { Sha256 } from '../core/ids.ts'
import { sizeAtShare } from '../loadtest/sample/file-tree.ts'
import { AnchorIndex } from './anchor-index.ts'
import { popularAnchorContents, prefixOf } from './logic/anchor-bucket.ts'
import { beginSketch, sampledCount, sketchCount } from './logic/anchor-sketch.ts'

const MiB = 1024 * 1024
const sha256Of = (text: string): Sha256 => createHash('sha256').update(text).digest('hex') as Sha256

/** Pseudo-random anchors of a content by its name. */
const anchorsOf = (name: string, count: number): Buffer => {
  const random = seededRandom(createHash('sha256').update(name).digest().readUInt32LE())
  return Buffer.from(Uint8Array.from({ length: 5 * count }, () => random() * 256))
}

const sketchOf = (anchors: Uint8Array, sizeBytes: number): Uint8Array => {
  const stream = beginSketch(sizeBytes)
  stream.add(anchors, 0, sizeBytes)
  return stream.end()
}

const addTo = (index: AnchorIndex, name: string, sizeBytes = MiB): Buffer => {
  const anchors = anchorsOf(name, Math.ceil(sizeBytes / 4096))
  index.add(sha256Of(name), sketchOf(anchors, sizeBytes))
  return anchors
}

const nominated = async (index: AnchorIndex, anchors: Uint8Array): Promise<number[]> =>
  (await index.nominate(anchors)).map(({ prefix }) => prefix)

t.test('a list of anchors nominates the contents that have them', async t => {
  const index = AnchorIndex.open(join(t.testdir(), 'anchors.db'))
  t.teardown(() => index.close())
  t.equal(index.isNew, true)
  t.equal(index.isEmpty, true)
  t.same(await index.nominate(anchorsOf('one', 100)), [])
  const one = addTo(index, 'one')
  const two = addTo(index, 'two', 20 * MiB)
  addTo(index, 'three')
  t.equal(index.isEmpty, false)
  const whole = Buffer.concat([anchorsOf('before', 50), one, anchorsOf('between', 7), two])
  for (const when of ['at once', 'in the rows']) {
    const found = await index.nominate(whole)
    t.same(
      new Set(found.map(({ prefix }) => prefix)),
      new Set(['one', 'two'].map(sha256Of).map(prefixOf)),
      when,
    )
    const [first, second] = found.toSorted(
      (left, right) => left.anchors.length - right.anchors.length,
    )
    t.equal(first?.anchors.length, sketchCount(MiB), 'all that stand for it are hit')
    t.equal(second?.anchors.length, sketchCount(20 * MiB))
    for (const [at, place] of (second?.anchors ?? []).entries()) {
      const position = (second?.positions[at] ?? 0) / 2 ** 20
      t.ok(Math.abs(position - (place - 50 - 256 - 7) / 5120) < 0.001, 'where it lies is known')
    }
    await index.flush()
  }
  t.same(await nominated(index, anchorsOf('stranger', 5000)), [])
  t.same(await nominated(index, one.subarray(0, one.length - 3)), [prefixOf(sha256Of('one'))])
})

t.test('it is there after a restart, also what was in no row yet', async t => {
  const file = join(t.testdir(), 'anchors.db')
  const first = AnchorIndex.open(file)
  const one = addTo(first, 'one')
  await first.flush()
  const two = addTo(first, 'two')
  first.setMark('filled', 77)
  await first.close()
  addTo(first, 'late')
  const second = AnchorIndex.open(file)
  t.equal(second.isNew, false)
  t.equal(second.mark('filled'), 77)
  t.equal(second.mark('other'), null)
  const both = new Set(['one', 'two'].map(sha256Of).map(prefixOf))
  t.same(new Set(await nominated(second, Buffer.concat([one, two]))), both)
  await second.flush()
  t.same(new Set(await nominated(second, Buffer.concat([one, two]))), both)
  await second.close()
})

t.test('what is dropped is not nominated, until it is added again', async t => {
  const index = AnchorIndex.open(join(t.testdir(), 'anchors.db'))
  t.teardown(() => index.close())
  const one = addTo(index, 'one')
  await index.flush()
  index.drop(sha256Of('one'))
  index.drop(sha256Of('one'))
  t.same(await nominated(index, one), [])
  addTo(index, 'one')
  t.same(await nominated(index, one), [prefixOf(sha256Of('one'))])
  const before = index.entryCount
  await index.flush()
  t.equal(index.entryCount, before / 2, 'its anchors are there once')
})

t.test('a crash between two steps of a merge loses nothing', async t => {
  const folder = t.testdir()
  const file = join(folder, 'anchors.db')
  const index = AnchorIndex.open(file)
  t.teardown(() => index.close())
  const added = Array.from({ length: 300 }, (_, number) => addTo(index, `content ${number}`))
  const flushed = index.flush()
  for (let crash = 0; crash < 4; crash++) {
    // What a killed process leaves: the file and its log as they are between two steps.
    const left = join(folder, `crash-${crash}.db`)
    for (const end of ['', '-wal']) cpSync(`${file}${end}`, `${left}${end}`)
    const again = AnchorIndex.open(left)
    const found = await nominated(again, Buffer.concat(added))
    t.equal(new Set(found).size, added.length)
    await again.flush()
    t.same((await nominated(again, Buffer.concat(added))).toSorted(), found.toSorted())
    t.equal(again.generation, 0)
    await again.close()
  }
  await flushed
})

t.test('very many that were dropped are forgotten in small steps', async t => {
  const file = join(t.testdir(), 'anchors.db')
  await AnchorIndex.open(file).close()
  const beside = new DatabaseSync(file)
  t.teardown(() => beside.close())
  const insert = beside.prepare('INSERT INTO dropped VALUES (?)')
  beside.exec('BEGIN')
  for (let prefix = 0; prefix < droppedContentsKept; prefix++) insert.run(prefix)
  beside.exec('COMMIT')
  const index = AnchorIndex.open(file)
  t.teardown(() => index.close())
  let isDone = false
  const done = index.flush().then(() => {
    isDone = true
  })
  const count = beside.prepare('SELECT count(*) AS left FROM dropped')
  let before = droppedContentsKept
  let largest = 0
  while (!isDone) {
    const left = Number(count.get()?.left)
    largest = Math.max(largest, before - left)
    before = left
    await new Promise(setImmediate)
  }
  await done
  t.equal(count.get()?.left, 0)
  t.ok(largest <= 2 * droppedForgottenAtOnce, `${largest} at once`)
})

t.test('an anchor that everybody has nominates nobody', async t => {
  const index = AnchorIndex.open(join(t.testdir(), 'anchors.db'))
  t.teardown(() => index.close())
  const common = anchorsOf('licence', 3)
  for (let number = 0; number < 2 * popularAnchorContents; number++) {
    index.add(sha256Of(`content ${number}`), sketchOf(common, 20_000))
  }
  await index.flush()
  t.same(await index.nominate(common), [])
  t.ok(index.entryCount <= popularAnchorContents)
})

t.test('over its budget it keeps fewer anchors of each, of large contents longest', async t => {
  const index = AnchorIndex.open(join(t.testdir(), 'anchors.db'), { budgetBytes: 60_000 })
  t.teardown(() => index.close())
  const large = addTo(index, 'large', 200 * MiB)
  const many = Array.from({ length: 100 }, (_, number) =>
    addTo(index, `content ${number}`, 20 * MiB),
  )
  await index.flush()
  await index.flush()
  t.ok(index.halvings > 0 && index.halvings < 4, `${index.halvings} halvings`)
  t.ok(index.entryCount <= 4000, `${index.entryCount} entries`)
  const [found] = await index.nominate(large)
  t.equal(found?.anchors.length, sampledCount(200 * MiB, index.halvings))
  for (const anchors of many) t.equal((await index.nominate(anchors)).length, 1)
})

t.test('a spoilt file is begun anew, whenever it is noticed', async t => {
  const file = join(t.testdir(), 'anchors.db')
  const before = AnchorIndex.open(file)
  for (let number = 0; number < 500; number++) addTo(before, `content ${number}`)
  await before.flush()
  await before.close()
  const whole = readFileSync(file)
  const spoils: readonly (() => void)[] = [
    () => writeFileSync(file, 'nothing of the kind'),
    () => truncateSync(file, whole.length - 50_000),
    () =>
      writeFileSync(
        file,
        Buffer.concat([whole.subarray(0, 16_384), Buffer.alloc(whole.length - 16_384, 7)]),
      ),
  ]
  for (const spoil of spoils) {
    writeFileSync(file, whole)
    spoil()
    let lost = 0
    const index = AnchorIndex.open(file, {
      onFault: (_error, isLost) => {
        if (isLost) lost += 1
      },
    })
    await index.nominate(Buffer.concat([anchorsOf('content 1', 2560), anchorsOf('x', 20_000)]))
    const one = addTo(index, 'new')
    await index.flush()
    t.ok((await nominated(index, one)).includes(prefixOf(sha256Of('new'))) || lost > 0)
    t.ok(lost > 0, 'it was noticed')
    t.ok(index.isNew)
    const again = addTo(index, 'new')
    t.same(await nominated(index, again), [prefixOf(sha256Of('new'))])
    await index.close()
  }
})

t.test('100,000 contents: small on disk, quick to look up', async t => {
  const file = join(t.testdir(), 'anchors.db')
  const index = AnchorIndex.open(file)
  const contents = 100_000
  const random = seededRandom(1)
  const sizes = Array.from({ length: contents }, (_, at) => sizeAtShare((at + 0.5) / contents))
  // Sizes of a mirror of 3 TB in 2.2 million files.
  const scale = 3e12 / 2.2e6 / (sizes.reduce((sum, size) => sum + size, 0) / contents)
  const bytes = Buffer.alloc(5 * 1024)
  for (const [at, size] of sizes.entries()) {
    const count = sketchCount(size * scale)
    const length = Math.min(bytes.length, 5 * (count + 2))
    for (let byte = 0; byte < length; byte += 4)
      bytes.writeInt32LE((random() * 2 ** 32) | 0, byte % 5116)
    const name = Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
      .padEnd(64, '0')
    index.add(name as Sha256, sketchOf(bytes.subarray(0, length), size * scale))
    if (at % 16_000 === 15_999) await index.flush()
  }
  await index.flush()
  const measure = async (count: number): Promise<number> => {
    const started = performance.now()
    const found = await index.nominate(anchorsOf(`target ${count}`, count))
    t.ok(found.length < 5, 'hardly any false hit')
    return performance.now() - started
  }
  await measure(1000)
  const [few, many] = [await measure(5000), await measure(100_000)]
  t.ok(many < 60 * few, `20 times the anchors take ${(many / few).toFixed(1)} times as long`)
  await index.close()
  const perContent = statSync(file).size / contents
  t.comment(
    `${perContent.toFixed(1)} bytes a content, ${((perContent * 2.2e6) / 1e6).toFixed(0)} MB for 2.2 million`,
  )
  t.ok(perContent * 2.2e6 < 200e6, `${perContent.toFixed(1)} bytes a content`)
})
