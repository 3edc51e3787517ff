import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { TestNetwork } from '../fixtures/test-network.ts'

const repomd = (text: string) => `<repomd>${text}${' '.repeat(300)}</repomd>`

const fill = (repository: string): void => {
  mkdirSync(join(repository, 'a b', 'repodata'), { recursive: true })
  mkdirSync(join(repository, 'open'))
  writeFileSync(join(repository, 'a b', 'repodata', 'repomd.xml'), repomd('one'))
  writeFileSync(join(repository, 'open', 'file'), 'x'.repeat(5000))
}

t.test('lists name the volunteers for a folder, the origin last', async t => {
  const network = await TestNetwork.start(t, fill)
  await network.waitForSnapshot(1)
  const { url } = network.origin
  const base = url.endsWith('/') ? url.slice(0, -1) : url
  const text = async (target: string): Promise<string> => {
    const answer = await network.get(target)
    t.equal(answer.status, 200, target)
    t.equal(answer.headers['cache-control'], 'no-store')
    return answer.body.toString()
  }
  t.equal(await text('/-/mirrors/dnf'), `${base}/\n`, 'nobody but the origin')
  await network.volunteer('ada')
  const folder = 'a%20b'
  t.equal(
    await text(`/-/mirrors/dnf?path=/${folder}/`),
    `${base}/-/via/ada/${folder}/\n${base}/${folder}/\n`,
  )
  t.equal(await text(`/-/mirrors/dnf/${folder}`), await text(`/-/mirrors/dnf?path=%2F${folder}`))
  t.equal(
    await text(`/-/mirrors/apt/${folder}/`),
    `${base}/${folder}/\tpriority:1 type:index\n` +
      `${base}/-/via/ada/${folder}/\tpriority:2 type:deb\n${base}/${folder}/\tpriority:3\n`,
  )

  for (const [target, status] of [
    ['/-/mirrors/apt/none', 404],
    ['/-/mirrors/apt/open/file', 404],
    ['/-/mirrors/dnf?path=/../etc', 400],
    ['/-/mirrors/dnf?path=%00', 400],
    ['/-/metalink/dnf', 404],
    ['/-/metalink/dnf?path=/open/file', 404],
    [`/-/metalink/dnf?path=${'x/'.repeat(9000)}`, 413],
    ['/-/metalink/dnf?path=/open/repodata/repomd.xml', 404],
  ] as const) {
    t.equal((await network.get(target)).status, status, target.slice(0, 60))
  }
})

t.test('a metalink has former versions only while clients may hold them', async t => {
  const network = await TestNetwork.start(t, fill)
  await network.waitForSnapshot(1)
  const target = '/-/metalink/dnf?path=a%20b/repodata/repomd.xml'
  const file = join(network.repository, 'a b', 'repodata', 'repomd.xml')
  const sizes = async (): Promise<string[]> => {
    const answer = await network.get(target)
    t.match(answer.headers['content-type'], 'application/metalink+xml')
    return [...answer.body.toString().matchAll(/<size>(\d+)</g)].map(([, size = '']) => size)
  }
  const length = (text: string): string => String(repomd(text).length)
  t.strictSame(await sizes(), [length('one')])
  for (const text of ['three', 'seven77', 'three']) {
    writeFileSync(file, repomd(text))
    await network.publish()
  }
  t.strictSame(await sizes(), [length('three'), length('seven77'), length('one')])
})

t.test('lists obey the rights of clients', async t => {
  const network = await TestNetwork.start(t, fill, { requireClients: true })
  await network.waitForSnapshot(1)
  t.equal((await network.get('/-/mirrors/apt')).status, 401)
  const added = await network.operate('/-/v1/clients', { name: 'lab', paths: ['/open'] })
  const { secret } = JSON.parse(added.body.toString())
  const authorization = `Basic ${Buffer.from(`lab:${secret}`).toString('base64')}`
  const status = async (path: string) => (await network.get(path, { authorization })).status
  t.equal(await status('/-/mirrors/apt/open'), 200)
  t.equal(await status('/-/mirrors/apt'), 200, 'folders on the way show nothing')
  t.equal(await status('/-/mirrors/dnf?path=/a%20b'), 403)
  t.equal(await status('/-/mirrors/dnf?path=/none'), 403, 'whether there is such a folder or not')
  t.equal(await status('/-/metalink/dnf?path=/a%20b/repodata/repomd.xml'), 403)
})
