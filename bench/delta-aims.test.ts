import t from 'tap'
import { aimsOfPairs, isKept, type Row } from './delta-aims.ts'
import type { OursResult } from './delta-ours.ts'
import type { RivalResult } from './delta-rivals.ts'

const rival = (bytes: number, isTarget = true): RivalResult => ({
  bytes,
  cpuSeconds: 0,
  serverCpuSeconds: 0,
  isTarget,
})

const ours = (bytes: number): OursResult => ({
  bytes,
  purposes: { announces: 0, manifest: 0, ranges: bytes, content: 0, other: 0 },
  durationMs: 0,
  cpuSeconds: 0,
  delta: {},
})

const row = (more: Partial<Row>): Row => ({
  kind: 'tar',
  name: 'a pair',
  newBytes: 10_000_000,
  rsync: rival(1_000_000),
  rsyncZ: rival(500_000),
  zsync: rival(900_000),
  plain: ours(700_000),
  zstd: ours(400_000),
  ...more,
})

const values = (rows: readonly Row[]): number[] =>
  aimsOfPairs(rows).map(({ value }) => Number(value.toFixed(3)))

t.test('sums are of tars and indexes only', async t => {
  const rows = [row({}), row({ kind: 'index' }), row({ kind: 'deb', plain: ours(9_000_000) })]
  t.same(values(rows).slice(0, 3), [0.7, 0.778, 0.8])
})

t.test('each near-identical pair counts by itself, against the better rival', async t => {
  const near = row({
    name: 'near',
    rsync: rival(90_000),
    zsync: rival(60_000),
    plain: ours(30_000),
  })
  const [, , , aim] = aimsOfPairs([row({}), near])
  t.match(aim, { value: 0.5, worst: 'near', pairs: 1 })
  t.notOk(aim === undefined || isKept(aim))
})

t.test('a rival that did not build the target is no rival', async t => {
  const [, zsync, , , each] = aimsOfPairs([row({ zsync: rival(1, false) })])
  t.match(zsync, { pairs: 0 })
  t.ok(zsync !== undefined && isKept(zsync), 'what was not measured is not missed')
  t.match(each, { value: 0.7, pairs: 1 })
})

t.test('a small pair may cost more than the rivals', async t => {
  const [, , , , each] = aimsOfPairs([row({ newBytes: 900_000, plain: ours(5_000_000) })])
  t.match(each, { pairs: 0 })
})
