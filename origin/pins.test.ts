import { mkdirSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { rawRequest, TestNetwork } from './fixtures/test-network.ts'

const writeVersion = (repository: string, version: number): void => {
  mkdirSync(join(repository, 'dists/x/main'), { recursive: true })
  mkdirSync(join(repository, 'r/repodata'), { recursive: true })
  writeFileSync(join(repository, 'dists/x/main/Packages'), `packages ${version}`)
  writeFileSync(join(repository, 'dists/x/Release'), `Codename: x${version}\n`)
  writeFileSync(join(repository, 'r/repodata/repomd.xml'), `<repomd>${version}</repomd>`)
  writeFileSync(join(repository, 'r/repodata/repomd.xml.key'), `key ${version}`)
}

t.test('whatever way a client learnt of a Release, it gets what goes with it', async t => {
  const network = await TestNetwork.start(t, repository => writeVersion(repository, 1), {
    settleMs: 600_000,
  })
  await network.waitForSnapshot(1)
  const as = (name: string, path: string, headers = {}, method = 'GET') =>
    rawRequest(network.origin.url, path, { method, headers: { 'user-agent': name, ...headers } })
  const { etag = '' } = (await as('someone', '/dists/x/Release')).headers
  await as('plain', '/dists/x/Release')
  t.equal((await as('asks-again', '/dists/x/Release', { 'if-none-match': etag })).status, 304)
  t.equal((await as('looks', '/dists/x/Release', {}, 'HEAD')).status, 200)
  await as('direct', '/dists/x/Release?direct')
  await as('by-name', '/-/via/nobody/dists/x/Release')
  await as('part', '/dists/x/Release', { range: 'bytes=0-3' })
  await as('two', '/dists/x/Release')
  await as('two', '/r/repodata/repomd.xml')
  t.equal((await as('listed', '/-/metalink/dnf?path=r/repodata/repomd.xml')).status, 200)

  writeVersion(network.repository, 2)
  await network.publish()
  for (const name of ['plain', 'asks-again', 'looks', 'direct', 'by-name', 'part', 'two']) {
    const answer = await as(name, '/dists/x/main/Packages')
    t.equal(answer.body.toString(), 'packages 1', name)
  }
  const packages = '/dists/x/main/Packages'
  t.equal((await as('plain', `/-/via/nobody${packages}`)).body.toString(), 'packages 1')
  t.equal((await as('plain', `${packages}?direct`)).body.toString(), 'packages 1')
  t.equal((await as('stranger', packages)).body.toString(), 'packages 2')
  t.equal((await as('two', '/r/repodata/repomd.xml.key')).body.toString(), 'key 1')
  t.equal((await as('plain', '/r/repodata/repomd.xml.key')).body.toString(), 'key 2')
  t.match((await as('listed', '/r/repodata/repomd.xml')).body.toString(), '<repomd>1<')
  t.equal((await as('listed', '/r/repodata/repomd.xml.key')).body.toString(), 'key 1')
  t.match((await as('plain', '/dists/x/Release')).body.toString(), 'x2', 'a new update')
  t.equal((await as('plain', packages)).body.toString(), 'packages 2')

  await network.restart()
  t.equal((await as('direct', packages)).body.toString(), 'packages 2', 'forgotten by a restart')
})

t.test('of clients that look the same, each connection keeps its own snapshot', async t => {
  const network = await TestNetwork.start(t, repository => writeVersion(repository, 1), {
    settleMs: 600_000,
  })
  await network.waitForSnapshot(1)
  const connect = (headers: Record<string, string> = {}) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    t.teardown(() => agent.destroy())
    return (path: string) =>
      new Promise<string>((resolve, reject) => {
        const options = { agent, headers: { 'user-agent': 'apt', ...headers } }
        get(`${network.origin.url}${path}`, options, answer => {
          let text = ''
          answer.on('data', part => {
            text += part
          })
          answer.on('end', () => resolve(text))
        }).on('error', reject)
      })
  }
  const proxied = { 'x-forwarded-for': '192.0.2.1' }
  const [first, second, proxy] = [connect(), connect(), connect(proxied)]
  await first('/dists/x/Release')
  await proxy('/dists/x/Release')
  writeVersion(network.repository, 2)
  await network.publish()
  t.match(await second('/dists/x/Release'), 'x2')
  t.equal(await first('/dists/x/main/Packages'), 'packages 1')
  t.equal(await second('/dists/x/main/Packages'), 'packages 2')
  t.equal(await connect()('/dists/x/main/Packages'), 'packages 2', 'a new connection: the latest')
  t.equal(await proxy('/dists/x/main/Packages'), 'packages 2', 'a proxy carries many clients')
})
