import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sha256Hex } from '../core/keys.ts'
import { TestNetwork } from './fixtures/test-network.ts'

const big = Buffer.alloc(100_000, 'mirror swarm ')
const fill = (repository: string): void => {
  writeFileSync(join(repository, 'big.iso'), big)
  writeFileSync(join(repository, 'small.txt'), 'small')
  writeFileSync(join(repository, 'InRelease'), 'x'.repeat(10_000))
}

t.test('an origin serves its tree and redirects to who holds it', async t => {
  const network = await TestNetwork.start(t, fill)
  await network.waitForSnapshot(1)
  const alone = await network.get('/big.iso')
  t.equal(alone.status, 200)
  t.ok(alone.body.equals(big))
  t.equal(alone.headers.etag, `"sha256-${sha256Hex(big)}"`)
  const ada = await network.volunteer('ada')
  const redirect = await network.get('/big.iso', { 'user-agent': 'test' })
  t.equal(redirect.status, 302)
  t.match(redirect.headers.location, `${ada.url}/big.iso?c=`)
  t.equal(redirect.headers['content-length'], '0')
  t.equal(redirect.headers['cache-control'], 'no-store')
  t.equal(redirect.headers.etag, alone.headers.etag)
  t.equal(redirect.headers['repr-digest'], alone.headers['repr-digest'])
  t.equal(redirect.headers['last-modified'], alone.headers['last-modified'])
  const target = (redirect.headers.location ?? '').slice(ada.url.length)
  t.same(ada.judge(target), { ok: true, sha256: sha256Hex(big) })
  for (const path of ['/small.txt', '/InRelease', '/big.iso?direct']) {
    t.equal((await network.get(path)).status, 200, path)
  }
})
