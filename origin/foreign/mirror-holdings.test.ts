import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { testFolder } from '../../core/fixtures/test-folder.ts'
import type { ContentNumber, RepoPath } from '../../core/ids.ts'
import { expireMs, proofAgeMs } from '../../core/sampling-limits.ts'
import type { Content, Snapshot } from '../../manifest/model.ts'
import { AnnounceClient } from '../../tracker/logic/announce-client.ts'
import { contentOf, SmallManifest } from '../fixtures/small-manifest.ts'
import { renewalMs } from '../logic/mirror-sampling.ts'
import { MirrorHoldings } from './mirror-holdings.ts'
import { type Look, ProofStore } from './proof-store.ts'

class Bench {
  nowMs = 1_000_000_000_000
  readonly manifest = new SmallManifest()
  readonly faults: unknown[] = []
  readonly file: string
  store: ProofStore
  client = new AnnounceClient({ session: 's' })

  constructor(t: Test) {
    this.file = join(testFolder(t), 'mirrors.db')
    this.store = this.#open()
    t.teardown(() => this.store.close())
  }

  #open(): ProofStore {
    return new ProofStore(this.file, error => this.faults.push(error))
  }

  reopen(): void {
    this.store.close()
    this.store = this.#open()
  }

  /** As a mirror that was not watched before, or by another process. */
  watch(key = 'plain'): MirrorHoldings {
    this.client = new AnnounceClient({ session: 's' })
    const clock = { nowMs: () => this.nowMs, monotonicMs: () => this.nowMs }
    const { store, client, manifest: reader } = this
    const holdings = new MirrorHoldings(key, { store, reader, client, clock })
    this.publish(holdings)
    return holdings
  }

  publish(holdings: MirrorHoldings): void {
    holdings.published({ number: this.manifest.number } as Snapshot)
  }

  look(path: string, { sizeBytes }: Content): Look {
    const proof = { lookedMs: this.nowMs, coveredBytes: 9, validator: '"x"' }
    const rest = { sizeBytes, proved: true, dueMs: renewalMs(proof), times: 0 }
    return { ...proof, ...rest, path: path as RepoPath }
  }

  prove(holdings: MirrorHoldings, path: string): ContentNumber {
    const content = this.manifest.add(path)
    holdings.proved(content, this.look(path, content))
    return content.number
  }
}

const tendAll = (holdings: MirrorHoldings): number => {
  let steps = 0
  while (holdings.tend()) steps++
  return steps
}

t.test(
  'what was proved is held again after a restart, and only by the mirror it is of',
  async t => {
    const bench = new Bench(t)
    const before = bench.watch()
    const [one, two] = [bench.prove(before, 'a'), bench.prove(before, 'b')]
    t.strictSame([before.files, before.bytes], [2, 10_001])
    bench.reopen()
    const after = bench.watch()
    t.equal(after.provedPathOf(one), 'a', 'from the disk, before anything is in order')
    tendAll(after)
    t.strictSame([after.files, after.bytes, after.has(two)], [2, 10_001, true])
    const another = bench.watch('plain, enrolled anew')
    tendAll(another)
    t.strictSame([another.files, another.provedPathOf(one)], [0, null])
  },
)

t.test('a path that changed is proved no more, at once and after a restart', async t => {
  const bench = new Bench(t)
  const holdings = bench.watch()
  const [one, two] = [bench.prove(holdings, 'a'), bench.prove(holdings, 'b')]
  bench.manifest.drop('a')
  bench.publish(holdings)
  t.strictSame([holdings.provedPathOf(one), holdings.provedPathOf(two)], [null, 'b'])
  bench.reopen()
  const after = bench.watch()
  t.equal(after.provedPathOf(one), null)
  tendAll(after)
  t.strictSame([after.has(one), after.has(two), after.bytes], [false, true, 5001])
  t.match(after.find(one), { proved: false, dueMs: bench.nowMs }, 'it may stand elsewhere')
  bench.manifest.drop('b')
  bench.manifest.oldest = bench.manifest.number + 1
  bench.manifest.number += 2
  const late = bench.watch()
  t.equal(late.find(two), null, 'nobody knows what ended meanwhile')
})

t.test('proofs that were not renewed end, also in the future of a wrong clock', async t => {
  const bench = new Bench(t)
  const holdings = bench.watch()
  const number = bench.prove(holdings, 'a')
  tendAll(holdings)
  bench.nowMs += proofAgeMs - 1
  t.equal(holdings.provedPathOf(number), 'a')
  bench.nowMs += 1
  t.equal(holdings.provedPathOf(number), null)
  tendAll(holdings)
  t.strictSame([holdings.files, holdings.bytes], [0, 0])
  holdings.proved(contentOf(number), bench.look('a', contentOf(number)))
  bench.nowMs -= proofAgeMs
  t.equal(holdings.provedPathOf(number), null)
  tendAll(holdings)
  bench.nowMs += expireMs
  t.equal(holdings.tend(), false, 'and nothing is looked for over and over')
})

t.test('a file that is no database, or another one, is begun anew and told of', async t => {
  for (const spoil of [
    (file: string) => writeFileSync(file, 'no database '.repeat(1000)),
    (file: string) => {
      const other = new DatabaseSync(file)
      other.exec('DROP TABLE looks; CREATE TABLE looks (other TEXT)')
      other.close()
    },
    (file: string) => {
      const newer = new DatabaseSync(file)
      newer.exec('PRAGMA user_version=99')
      newer.close()
    },
  ]) {
    const bench = new Bench(t)
    const before = bench.watch()
    const number = bench.prove(before, 'a')
    bench.store.close()
    spoil(bench.file)
    bench.reopen()
    const after = bench.watch()
    tendAll(after)
    t.strictSame([after.files, after.provedPathOf(number)], [0, null])
    t.ok(bench.faults.length > 0)
    after.proved(contentOf(number), bench.look('a', contentOf(number)))
    t.equal(after.provedPathOf(number), 'a', 'it is of use again')
  }
})

t.test('when all is lost while it is watched, nothing is held any more', async t => {
  const bench = new Bench(t)
  const holdings = bench.watch()
  const number = bench.prove(holdings, 'a')
  const other = new DatabaseSync(bench.file)
  other.exec('DROP TABLE looks')
  other.close()
  t.equal(holdings.provedPathOf(number), null)
  t.equal(holdings.isNew, true)
  tendAll(holdings)
  t.strictSame([holdings.files, holdings.isNew], [0, false])
})

t.test('rows of mirrors that were removed go, some at a time', async t => {
  const bench = new Bench(t)
  const gone = bench.watch('gone')
  for (const path of ['a', 'b', 'c']) bench.prove(gone, path)
  const kept = bench.watch('kept')
  kept.proved(contentOf(0), bench.look('a', contentOf(0)))
  const keys = new Set(['kept'])
  let steps = 0
  while (bench.store.keepOnly(keys, 2)) steps++
  t.equal(steps, 3)
  t.strictSame([gone.find(0), kept.find(0)?.path], [null, 'a'])
})

t.test('thousands of contents are loaded and go in steps of bounded work', async t => {
  const bench = new Bench(t)
  const holdings = bench.watch()
  const files = 10_000
  const filling = new DatabaseSync(bench.file)
  filling.exec('BEGIN')
  const put = filling.prepare('INSERT INTO looks VALUES (?, ?, ?, 9, 1, ?, 9, ?, ?, 0)')
  for (let number = 0; number < files; number++) {
    put.run('plain', number, 'pool/file', bench.nowMs, '"x"', bench.nowMs + proofAgeMs / 2)
  }
  filling.exec('COMMIT')
  bench.manifest.count = files
  filling.close()
  t.equal(tendAll(holdings), Math.ceil(files / 8192))
  t.equal(holdings.files, files)
  bench.nowMs += proofAgeMs
  t.equal(tendAll(holdings), files / 1000)
  t.strictSame([holdings.files, holdings.bytes], [0, 0])
})
