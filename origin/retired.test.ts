import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { sha256Hex } from '../core/keys.ts'
import { TestNetwork } from './fixtures/test-network.ts'
import { originDefaults } from './main.ts'

const packages = ['a.deb', 'b.deb', 'moved.deb', 'lonely.deb', 'old/c.deb']
const bytesOf = (name: string): Buffer => Buffer.from(`${name} `.repeat(5000))

const fill = (repository: string): void => {
  mkdirSync(join(repository, 'pool/old'), { recursive: true })
  symlinkSync('pool', join(repository, 'link'))
  for (const name of packages) writeFileSync(join(repository, 'pool', name), bytesOf(name))
  writeFileSync(join(repository, 'pool/small.txt'), 'small')
}

/** What `fill` made is dropped, but for one file. */
const drop = (repository: string): void => {
  for (const name of ['a.deb', 'moved.deb', 'lonely.deb', 'old', 'small.txt']) {
    rmSync(join(repository, 'pool', name), { recursive: true })
  }
  mkdirSync(join(repository, 'new'))
  writeFileSync(join(repository, 'new/place.deb'), bytesOf('moved.deb'))
}

const prepare = async (t: Test, graceMs: number) => {
  const network = await TestNetwork.start(t, fill, { settleMs: 600_000, graceMs })
  await network.waitForSnapshot(1)
  return network
}

t.test('what a snapshot dropped is still to be had during its grace period', async t => {
  const network = await prepare(t, 3_600_000)
  const before = await network.get('/pool/a.deb')
  const hash = sha256Hex(bytesOf('a.deb'))
  const ada = await network.volunteer('ada')
  drop(network.repository)
  t.match(await network.publish(true), { snapshot: { number: 2 } })

  const asked = async (path: string) => network.get(path, { 'user-agent': `for ${path}` })
  for (const path of ['/pool/a.deb', '/pool/old/c.deb', '/link/a.deb']) {
    const answer = await asked(path)
    t.equal(answer.status, 302, path)
    t.match(answer.headers.location, ada.url)
    const target = (answer.headers.location ?? '').slice(ada.url.length)
    t.match(ada.judge(target), { ok: true }, 'the link is for the path asked for')
  }
  t.equal((await asked('/pool/a.deb?sha256')).body.toString().slice(0, 64), hash)
  const again = await asked('/pool/a.deb')
  t.equal(again.headers.etag, before.headers.etag)
  t.equal(again.status, 302, 'the only one that has it is better than nobody')

  t.equal((await asked('/pool/moved.deb?direct')).status, 200, 'the same bytes are elsewhere')
  t.equal((await asked('/pool/small.txt')).body.toString(), 'small', 'a copy was kept')
  t.equal((await asked('/pool/lonely.deb?direct')).status, 404, 'nothing is left of it here')
  t.equal((await asked('/pool/b.deb?direct')).status, 200)
  for (const path of ['/pool/old/', '/pool/old', '/pool/a.deb/', '/pool/never.deb']) {
    t.equal((await asked(path)).status, 404, path)
  }

  const explain = async (path: string) =>
    JSON.parse(
      (await network.get(`${path}?explain`, { accept: 'application/json' })).body.toString(),
    )
  t.match(await explain('/pool/a.deb'), {
    retired: true,
    answer: 'redirect',
    chosen: 'ada',
    snapshot: 1,
  })
  t.match(await explain('/pool/b.deb'), { retired: false, snapshot: 2 })
  t.match((await asked('/pool/a.deb?explain')).body.toString(), /retired: a later snapshot/)
})

t.test('a file that comes back is the newest again', async t => {
  const network = await prepare(t, 3_600_000)
  drop(network.repository)
  await network.publish(true)
  const back = Buffer.from('another version '.repeat(1000))
  writeFileSync(join(network.repository, 'pool/a.deb'), back)
  await network.publish(true)
  t.ok((await network.get('/pool/a.deb')).body.equals(back))
})

t.test('after the grace period it is gone, also when the operator makes that shorter', async t => {
  const network = await prepare(t, 3_600_000)
  const ada = await network.volunteer('ada')
  t.match(await ada.announce(), { graceMs: 3_600_000 })
  drop(network.repository)
  await network.publish(true)
  t.equal((await network.get('/pool/small.txt')).status, 200)
  const { repository: repositoryDir, data: dataDir } = network
  await network.origin.reload({ ...originDefaults, repositoryDir, dataDir, graceMs: 0 })
  t.match(await ada.announce(), { graceMs: 0 }, 'volunteers are told')
  for (const path of ['/pool/a.deb', '/pool/small.txt', '/pool/a.deb?sha256']) {
    t.equal((await network.get(path)).status, 404, path)
  }
})
