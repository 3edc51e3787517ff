import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { generateKeys } from '../core/keys.ts'
import { headLifetimeMs } from '../core/limits.ts'
import { verifyHead } from '../manifest/head.ts'
import { ManifestReader } from '../manifest/store/reader.ts'
import { TestNetwork } from './fixtures/test-network.ts'
import { HeadKeeper } from './head-keeper.ts'

t.test('the head is renewed before it expires and follows the snapshots', async t => {
  const network = await TestNetwork.start(t, repository =>
    writeFileSync(join(repository, 'a'), 'a'),
  )
  await network.waitForSnapshot(1)
  const reader = ManifestReader.open(join(network.data, 'manifest.db'))
  t.teardown(() => reader.close())
  // Not this repository's keys, so that signatures fit but the repository id does not.
  const rootKeys = generateKeys('ed25519')
  const onlineKeys = generateKeys('ed25519')
  const time = { ms: Date.now() }
  const clock = { nowMs: () => time.ms, monotonicMs: () => time.ms }
  const heads = new HeadKeeper({ reader, rootKeys, onlineKeys, clock })
  const first = heads.current()
  t.equal(heads.current(), first, 'kept while it is fresh')
  t.throws(() => verifyHead(first ?? '', rootKeys.publicKey, time.ms), {
    message: /another repository/,
  })
  time.ms += headLifetimeMs / 2
  const second = heads.current()
  t.not(second, first)
  const expiresMs = (text: string | null) => JSON.parse(JSON.parse(text ?? '').payload).expiresMs
  t.ok(expiresMs(second) >= time.ms + headLifetimeMs)

  writeFileSync(join(network.repository, 'b'), 'b')
  await network.publish()
  t.equal(heads.refresh()?.snapshot, 2)
  t.match(heads.partsBetween(1, 2).parts, [{ kind: 'difference', from: 1, to: 2 }])
  t.same(heads.partsBetween(2, 2).parts, [])
  t.ok(heads.partsBetween(0, 2).parts.length > 0)
  for (const [from, to] of [
    [2, 1],
    [0, 3],
  ] as const) {
    t.throws(() => heads.partsBetween(from, to), { code: 'MS_REQUEST_INVALID' })
  }
})

t.test('there is none before the first snapshot', async t => {
  const reader = ManifestReader.open(join(t.testdir({}), 'manifest.db'))
  t.teardown(() => reader.close())
  const keys = generateKeys('ed25519')
  const clock = { nowMs: () => 0, monotonicMs: () => 0 }
  const heads = new HeadKeeper({ reader, rootKeys: keys, onlineKeys: keys, clock })
  t.equal(heads.current(), null)
})
