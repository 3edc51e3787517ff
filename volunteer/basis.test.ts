import { createHash } from 'node:crypto'
import { readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { basesByName, compressedBasesByName } from '../core/basis-limits.ts'
import type { RepoPath, Sha256 } from '../core/ids.ts'
import { missing, runOrThrow } from '../loadtest/programs.ts'
import { fileTree } from '../loadtest/sample/file-tree.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { runsBytes } from '../prsync/logic/runs.ts'
import { BasisHeld } from './basis-held.ts'
import { anchorsOf, testBasis } from './test-basis.ts'

const bytes = (name: string, length = 30_000): Buffer => noise(name, length)
const KiB = 1024
const MiB = 1024 * KiB

const near = async (basis: Awaited<ReturnType<typeof testBasis>>, path: string, length = 30_000) =>
  (await basis.finder.byName(basis.want(path, bytes(`wanted ${path}`, length)))).map(
    ({ file, reason }) => [file.toString().slice(basis.mirror.length + 1), reason],
  )

t.test('the previous content of a path, then its relatives', async t => {
  const basis = await testBasis(t, t.testdir())
  for (const path of [
    'dists/a/main/binary-amd64/Packages',
    'dists/b/main/binary-amd64/Packages',
    'dists/a/main/binary-i386/Packages',
    'tar/linux-6.1.0.tar',
    'tar/linux-6.1.9.tar',
    'elsewhere/linux-6.2.0.tar',
    'unrelated.tar',
  ]) {
    await basis.hold(path, bytes(path))
  }
  t.same(await near(basis, 'dists/a/main/binary-amd64/Packages'), [
    ['dists/a/main/binary-amd64/Packages', 'path'],
    ['dists/b/main/binary-amd64/Packages', 'name'],
  ])
  t.same(await near(basis, 'tar/linux-6.1.10.tar'), [
    ['tar/linux-6.1.9.tar', 'package'],
    ['elsewhere/linux-6.2.0.tar', 'package'],
    ['tar/linux-6.1.0.tar', 'package'],
  ])
  t.same(await near(basis, 'new/unrelated.tar'), [['unrelated.tar', 'name']])
  t.same(await near(basis, 'new/stranger.tar'), [])
  basis.store.retire(['unrelated.tar' as RepoPath], 1)
  t.same(await near(basis, 'newer/unrelated.tar'), [['unrelated.tar', 'name']], 'retired ones too')
})

t.test('candidates are few, fewer for compressed files, and each content comes once', async t => {
  const basis = await testBasis(t, t.testdir())
  for (let version = 1; version < 9; version++) {
    await basis.hold(`pool/p/p_${version}_amd64.deb`, bytes(`deb ${version}`))
    await basis.hold(`pool/p/p_${version}_i386.deb`, bytes(`other ${version}`))
    await basis.hold(`tar/p-${version}.tar`, bytes(`tar ${version}`))
    await basis.hold(`copy/p-${version}.tar`, bytes(`tar ${version}`))
  }
  const debs = await near(basis, 'pool/p/p_9_amd64.deb')
  t.same(
    debs.map(([path]) => path),
    ['pool/p/p_8_amd64.deb', 'pool/p/p_7_amd64.deb'].slice(0, compressedBasesByName),
  )
  const tars = await near(basis, 'tar/p-9.tar')
  t.same(
    tars.map(([path]) => path),
    [8, 7, 6, 5].map(version => `tar/p-${version}.tar`).slice(0, basesByName),
  )
  t.same(await near(basis, 'pool/p/p_9_arm64.deb'), [], 'compressed, and of another architecture')
})

t.test('only files as they were verified, and no more bytes than may be scanned', async t => {
  const basis = await testBasis(t, t.testdir())
  for (const version of [1, 2, 3, 4]) {
    await basis.hold(`a-${version}.tar`, bytes(`a ${version}`))
  }
  writeFileSync(join(basis.mirror, 'a-4.tar'), 'somebody was here')
  rmSync(join(basis.mirror, 'a-3.tar'))
  utimesSync(join(basis.mirror, 'a-2.tar'), 1, 1)
  t.same(await near(basis, 'a-5.tar'), [['a-1.tar', 'package']])
  await basis.hold('b-1.tar', bytes('b', 70 * MiB))
  t.same(await near(basis, 'b-2.tar', 10 * KiB), [], 'scanning it costs more than fetching')
  t.same(await near(basis, 'b-3.tar', 4 * MiB), [['b-1.tar', 'package']])
  basis.store.forget(['a-1.tar' as RepoPath])
  t.same(await near(basis, 'a-5.tar'), [])
})

t.test('a family that never matches is left out, but tried again at times', async t => {
  const basis = await testBasis(t, t.testdir())
  await basis.hold('p_1_all.deb', bytes('p 1'))
  await basis.hold('q-1.tar', bytes('q 1'))
  let tried = 0
  for (let version = 2; version < 60; version++) {
    const content = basis.want(`p_${version}_all.deb`, bytes(`p ${version}`))
    const candidates = await basis.finder.byName(content)
    if (candidates.length > 0) tried += 1
    basis.finder.outcome(content, candidates, 100)
    const other = basis.want(`q-${version}.tar`, bytes(`q ${version}`))
    const found = await basis.finder.byName(other)
    t.equal(found.length, 1)
    basis.finder.outcome(other, found, 20_000)
  }
  t.ok(tried > 3 && tried < 12, `tried ${tried} times`)
})

t.test('by-hash names of a folder are relatives', async t => {
  const basis = await testBasis(t, t.testdir())
  const folder = 'dists/a/main/binary-amd64/by-hash/SHA256'
  await basis.hold(`${folder}/${'a'.repeat(64)}`, bytes('index 1'))
  await basis.hold(`other/${folder}/${'a'.repeat(64)}`, bytes('index 2'))
  t.same(await near(basis, `${folder}/${'b'.repeat(64)}`), [
    [`${folder}/${'a'.repeat(64)}`, 'package'],
  ])
})

const noXorriso = missing('xorriso')

t.test('the packages of an image are found among loose files', { skip: noXorriso }, async t => {
  const base = t.testdir({ pool: {} })
  const basis = await testBasis(t, base)
  const files = fileTree(join(base, 'pool'), { files: 160, bytes: 60 * MiB, seed: 3 })
  for (const { path } of files) await basis.hold(path, readFileSync(join(base, 'pool', path)))
  const image = join(base, 'image.iso')
  await runOrThrow('xorriso', ['-as', 'mkisofs', '-r', '-J', '-o', image, join(base, 'pool')])
  const target = readFileSync(image)
  const content = basis.want('images/sample-1.0-amd64.iso', target)
  t.same(await basis.finder.byName(content), [])
  t.equal(basis.finder.worthAnchors(content), true)
  for (const when of ['at once', 'in the rows']) {
    const candidates = await basis.finder.byAnchors(content, anchorsOf(target))
    const found = new Set(
      candidates.map(({ file }) => file.toString().slice(basis.mirror.length + 1)),
    )
    const bytesOf = (list: typeof files): number =>
      list.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const missed = files.filter(({ path }) => !found.has(path))
    t.ok(
      missed.every(({ sizeBytes }) => sizeBytes < 64 * KiB),
      `${when}: ${missed.length} missed`,
    )
    t.ok(bytesOf(missed) < bytesOf(files) / 100, `${bytesOf(missed)} of ${bytesOf(files)} bytes`)
    t.ok(candidates.every(({ reason, runs }) => reason === 'anchors' && runs === undefined))
    await basis.index.flush()
  }
  const [first] = files
  basis.store.forget([first?.path as RepoPath])
  const less = await basis.finder.byAnchors(content, anchorsOf(target))
  t.notOk(less.some(({ file }) => file.toString().endsWith(`/${first?.path}`)))
})

t.test(
  'loose files are found inside a held image, with the place',
  { skip: noXorriso },
  async t => {
    const base = t.testdir({ pool: {} })
    const basis = await testBasis(t, base)
    const files = fileTree(join(base, 'pool'), { files: 160, bytes: 120 * MiB, seed: 5 })
    const image = join(base, 'image.iso')
    await runOrThrow('xorriso', ['-as', 'mkisofs', '-r', '-J', '-o', image, join(base, 'pool')])
    const bytesOfImage = readFileSync(image)
    await basis.hold('images/sample.iso', bytesOfImage)
    let found = 0
    let large = 0
    for (const { path, sizeBytes } of files) {
      if (sizeBytes < 2 * MiB) continue
      large += 1
      const loose = readFileSync(join(base, 'pool', path))
      const content = basis.want(`loose/${path}`, loose)
      await basis.finder.byName(content)
      t.equal(basis.finder.worthAnchors(content), true)
      const [candidate] = await basis.finder.byAnchors(content, anchorsOf(loose))
      if (candidate === undefined) continue
      found += 1
      const at = bytesOfImage.indexOf(loose.subarray(0, 4096))
      const { runs } = candidate
      if (runs === undefined) continue
      t.ok(
        runs.some(run => run.offset <= at && run.offset + run.length >= at + sizeBytes),
        `${path} lies in the runs`,
      )
      t.ok(runsBytes(runs) < 4 * sizeBytes + 8 * MiB)
      basis.finder.outcome(content, [candidate], sizeBytes)
    }
    t.ok(large > 5 && found >= large - 2, `${found} of ${large} files from 2 MiB up`)
  },
)

t.test('anchors are asked for where they may help', async t => {
  const basis = await testBasis(t, t.testdir())
  const large = 2 * MiB
  const image = basis.want('a.iso', bytes('image', large))
  t.equal(basis.finder.worthAnchors(image), false, 'nothing is known')
  await basis.hold('some_1_all.deb', bytes('some', large))
  t.equal(basis.finder.worthAnchors(image), true)
  t.equal(basis.finder.worthAnchors(basis.want('b.iso', bytes('small'))), false)
  const relative = basis.want('some_2_all.deb', bytes('some more', large))
  t.equal(basis.finder.worthAnchors(relative), false, 'byName comes first')
  t.equal((await basis.finder.byName(relative)).length, 1)
  t.equal(basis.finder.worthAnchors(relative), false, 'it has a relative')
  let asked = 0
  for (let number = 0; number < 40; number++) {
    const lone = basis.want(`lone${'x'.repeat(number)}_1_all.deb`, bytes(`lone ${number}`, large))
    t.same(await basis.finder.byName(lone), [])
    if (!basis.finder.worthAnchors(lone)) continue
    asked += 1
    t.same(await basis.finder.byAnchors(lone, anchorsOf(bytes(`lone ${number}`, large))), [])
  }
  t.ok(asked > 2 && asked < 12, `asked ${asked} times of 40`)
})

t.test('what was lost is filled again from what is held', async t => {
  const base = t.testdir()
  const first = await testBasis(t, base)
  const whole = bytes('content', 3 * MiB)
  await first.hold('a/thing-1.tar', whole)
  await first.hold('b/small-1.tar', bytes('small'))
  first.filler.start()
  await first.filler.finished()
  await first.stop()
  for (const name of ['names.db', 'anchors.db']) writeFileSync(join(base, name), 'spoilt')
  const second = first.make()
  t.teardown(() => second.stop())
  const content = first.want('c/thing-2.tar', bytes('new', 3 * MiB))
  t.same(await second.finder.byName(content), [])
  t.equal(second.index.isEmpty, true)
  second.filler.start()
  await second.filler.finished()
  const [found] = await second.finder.byName(content)
  t.match(found?.file.toString(), /a\/thing-1\.tar$/)
  const inside = new Uint8Array(Buffer.concat([bytes('before', 9_999), whole]))
  const image = first.want('x.iso', inside)
  t.equal((await second.finder.byAnchors(image, anchorsOf(inside))).length, 1)
})

t.test('among 100,000 held paths a search is about as quick as among 1,000', async t => {
  const basis = await testBasis(t, t.testdir())
  const content = basis.write('one_1_all.deb', bytes('one'))
  await basis.record([{ path: 'one_1_all.deb', content }])
  const [held] = basis.store.filesOf(content.sha256)
  if (held === undefined) throw new Error('it is held')
  let count = 0
  const grow = (to: number): void => {
    for (; count < to; count += 1000) {
      basis.store.record(
        Array.from({ length: 1000 }, (_, index) => {
          const name = `${(count + index).toString(36).replace(/[0-9]/g, '-')}x`
          const sha256 = (count + index).toString(16).padStart(8, '0').padEnd(64, '7')
          const path = `pool/${name.slice(0, 2)}/${name}/${name}_1.0_amd64.tar` as RepoPath
          return { ...held, path, sha256: sha256 as typeof held.sha256, content: null }
        }),
      )
    }
  }
  const measure = async (): Promise<number> => {
    let best = Number.POSITIVE_INFINITY
    for (let round = 0; round < 5; round++) {
      const started = performance.now()
      for (let index = 0; index < 40; index++) await near(basis, `pool/q/q${index}-z_2_amd64.tar`)
      best = Math.min(best, performance.now() - started)
    }
    return best
  }
  grow(1000)
  const few = await measure()
  grow(100_000)
  const many = await measure()
  t.ok(many < 20 * few, `100 times the paths take ${(many / few).toFixed(1)} times as long`)
})

t.test('the next file by hash is looked for in small steps, and all are found', async t => {
  const { store, folder } = await testBasis(t, t.testdir())
  const sha256Of = (index: number) =>
    createHash('sha256').update(`${index}`).digest('hex') as Sha256
  const large = new Set<Sha256>()
  store.record(
    Array.from({ length: 2000 }, (_, index) => {
      const sha256 = sha256Of(index)
      const isLarge = index % 400 === 7
      if (isLarge) large.add(sha256)
      const stamp = { sizeBytes: isLarge ? 9000 : 10, modifiedNs: 1n, inode: BigInt(index) }
      return { path: `f${index}` as RepoPath, sha256, content: null, ...stamp }
    }),
  )
  const held = new BasisHeld({ store, folder })
  const found = new Set<Sha256>()
  let steps = 0
  for (let from: number | null = 0; from !== null; steps++) {
    const step = held.nextByHash(from, 8192)
    if (step.file !== null) found.add(step.file.sha256)
    from = step.next
  }
  t.same(found, large)
  t.ok(steps > large.size + 2, 'no step looks at all of them')
})
