import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { LocalOperator } from '../cli/operator/local-operator.ts'
import { eventually, rawRequest, TestNetwork } from './fixtures/test-network.ts'

const day = 86_400_000

const writeVersion = (repository: string, version: number): void => {
  mkdirSync(join(repository, 'dists/x'), { recursive: true })
  writeFileSync(join(repository, 'dists/x/Packages'), `version ${version}`)
  writeFileSync(join(repository, `p${version}.deb`), `${version} `.repeat(5000))
}

/** As if everything so far had been published 40 days ago. */
const backdate = (network: TestNetwork): void => {
  const database = new DatabaseSync(join(network.data, 'manifest.db'), { timeout: 5000 })
  database.exec(`UPDATE snapshots SET created_ms = created_ms - ${40 * day}`)
  database.close()
}

const numbersOf = async (network: TestNetwork, query = ''): Promise<number[]> => {
  const { snapshots } = await network.json(`/-/v1/snapshots${query}`)
  return (snapshots as { number: number }[]).map(({ number }) => number)
}

const everythingNamedIsThere = async (t: Test, network: TestNetwork): Promise<void> => {
  const { parts } = await network.json('/-/v1/manifest?from=0')
  const hashes = (parts as { sha256: string }[]).map(({ sha256 }) => sha256)
  t.ok(hashes.length > 0)
  for (const sha256 of hashes) {
    t.equal((await network.get(`/-/v1/contents/${sha256}`)).status, 200)
  }
}

t.test('a running origin prunes what the operator needs no more', async t => {
  const network = await TestNetwork.start(t, repository => writeVersion(repository, 1), {
    settleMs: 600_000,
  })
  await network.waitForSnapshot(1)
  for (const version of [2, 3]) {
    writeVersion(network.repository, version)
    await network.publish()
  }
  const nobody = await rawRequest(network.origin.url, '/-/v1/prune', { method: 'POST', body: '{}' })
  t.equal(nobody.status, 401)
  t.equal((await network.operate('/-/v1/prune', { keepMs: -1 })).status, 400)
  const early = JSON.parse((await network.operate('/-/v1/prune', { keepMs: 0 })).body.toString())
  t.match(early, { snapshots: 0, files: 0, keptMs: day }, 'never within the time of grace')
  t.same(await numbersOf(network), [1, 2, 3])
  t.same(await numbersOf(network, '?after=1'), [2, 3])
  t.equal((await network.get('/-/v1/snapshots?after=x')).status, 400)

  backdate(network)
  writeVersion(network.repository, 4)
  await network.publish()
  const pruned = JSON.parse((await network.operate('/-/v1/prune', {})).body.toString())
  t.match(pruned, { oldest: 3, snapshots: 2, entries: 2, keptMs: 30 * day })
  t.ok(pruned.files >= 2, 'copies of old indexes')
  t.same(await numbersOf(network), [3, 4])
  t.equal((await network.get('/dists/x/Packages')).body.toString(), 'version 4')
  await everythingNamedIsThere(t, network)
  writeVersion(network.repository, 5)
  t.match(await network.publish(), { snapshot: { number: 5 } })
  await everythingNamedIsThere(t, network)

  backdate(network)
  await network.origin.stop()
  const operator = await LocalOperator.open(network.data)
  const { signal } = new AbortController()
  t.match(await operator.prune({ keepMs: day, signal }), { oldest: 5, snapshots: 2 })
  await operator.close()
  await network.restart()
  await eventually('the origin is back', async () => (await numbersOf(network)).length === 1)
  t.equal((await network.get('/dists/x/Packages')).body.toString(), 'version 5')
})
