import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { main } from '../../cli/main.ts'
import { PlainMirror } from '../fixtures/plain-mirror.ts'
import { type RawAnswer, TestNetwork, eventually as within } from '../fixtures/test-network.ts'
import type { OriginOptions } from '../options.ts'

// For a machine that has much else to do.
t.setTimeout(300_000)
const eventually: typeof within = (what, ask) => within(what, ask, 120_000)

const bytesOf = (fill: number): Buffer => Buffer.alloc(300_000, fill)

const start = async (t: Test, names: readonly string[], options: Partial<OriginOptions> = {}) => {
  const fill = (repository: string): void => {
    for (const [index, name] of names.entries()) {
      writeFileSync(join(repository, `${name}.deb`), bytesOf(index + 1))
    }
  }
  const network = await TestNetwork.start(t, fill, { announceIntervalMs: 60_000, ...options })
  await network.waitForSnapshot(1)
  /** Each time another client. */
  const ask = (path: string): Promise<RawAnswer> =>
    network.get(path, { 'user-agent': `asks ${Math.random()}` })
  const add = (body: object) => network.operate('/-/v1/volunteers', body)
  return { network, ask, add, mirror: await PlainMirror.start(t) }
}

/** The command on the data folder, without an origin. */
const addLocally = async (...words: string[]) => {
  const printed: string[] = []
  const io = {
    print: (text: string) => printed.push(text),
    note: (text: string) => printed.push(text),
    ...{ draw: () => undefined, onHangup: () => undefined },
    ...{ interactive: false, columns: 80, stopped: new AbortController().signal },
  }
  const status = await main(['volunteers', 'add', ...words], {}, io)
  return { status, text: printed.join('\n') }
}

t.test('clients go to a plain mirror for exactly what it was proved to hold', async t => {
  const { network, ask, add, mirror } = await start(t, ['right', 'wrong', 'other+~x'])
  const url = `${mirror.origin}/debian`
  mirror.files.set('/debian/right.deb', bytesOf(1))
  mirror.files.set('/debian/wrong.deb', bytesOf(9))
  t.equal((await add({ name: 'plain', mirror: 'ftp://x/' })).status, 400)
  t.equal((await add({ name: 'plain', mirror: `${url}?a` })).status, 400)
  t.equal((await add({ name: 'plain', mirror: 'http://169.254.169.254/' })).status, 400)
  const added = await add({ name: 'plain', mirror: `${url}/`, capacityBytesPerSecond: 1e8 })
  t.equal(added.status, 201, String(added.body))
  t.equal((await add({ name: 'plain', mirror: url })).status, 409)

  await eventually('it is proved', async () => (await ask('/right.deb')).status === 302)
  t.equal((await ask('/right.deb')).headers.location, `${url}/right.deb`, 'unsigned')
  const via = await network.get('/-/via/plain/right.deb')
  t.equal(via.headers.location, `${url}/right.deb`, 'for lists, too')
  await eventually('a look', async () => mirror.asked.includes('/debian/wrong.deb'))
  t.equal((await ask('/wrong.deb')).status, 200, 'other bytes of the right length')
  t.match(
    String((await ask('/wrong.deb?explain')).body),
    /plain +it is a mirror that was not proved/,
  )
  t.ok(
    mirror.asked.every(path => path.startsWith('/debian/')),
    'nothing else is asked for',
  )
  t.match(
    String((await network.get('/-/metrics')).body),
    /mirror_looks_total\{result="right"\} 1\n/,
  )

  mirror.asked.length = 0
  await network.origin.stop()
  const late = ['late', '--mirror', `${mirror.origin}/late`, '--data', network.data]
  t.match(await addLocally(...late), { status: 0, text: /late/ })
  t.match(await addLocally(...late), { status: 1, text: /there is a volunteer called late/ })
  await network.restart()
  await eventually('it is there again', async () => (await ask('/right.deb')).status === 302)
  await eventually('the other is asked', async () =>
    mirror.asked.some(path => path.startsWith('/late/')),
  )
  t.notOk(mirror.asked.includes('/debian/right.deb'), 'what was proved is proved')

  writeFileSync(join(network.repository, 'right.deb'), bytesOf(5))
  await network.publish()
  t.equal((await ask('/right.deb')).status, 200, 'it has what stood there before')
  const removed = await network.operate('/-/v1/volunteers/plain', { action: 'remove' })
  t.equal(removed.status, 200)
  t.equal((await add({ name: 'plain', mirror: `${mirror.origin}/elsewhere` })).status, 201)
  t.equal((await ask('/right.deb')).status, 200)
})

t.test('where clients need credentials, only a mirror that may be open gets them', async t => {
  const { network, add, mirror } = await start(t, ['a'], { requireClients: true })
  const client = await network.operate('/-/v1/clients', { name: 'near', networks: ['127.0.0.0/8'] })
  t.equal(client.status, 201)
  for (const folder of ['closed', 'open']) mirror.files.set(`/${folder}/a.deb`, bytesOf(1))
  t.equal((await add({ name: 'closed', mirror: `${mirror.origin}/closed` })).status, 201)
  const open = { name: 'open', mirror: `${mirror.origin}/open`, allowOpen: true }
  t.equal((await add(open)).status, 201)
  const redirect = await eventually('the open one is proved', async () => {
    const answer = await network.get('/a.deb', { authorization: 'Basic bmVhcjp4' })
    const other = await network.get('/a.deb')
    return [answer, other].find(({ status }) => status === 302) ?? null
  })
  t.equal(redirect.headers.location, `${mirror.origin}/open/a.deb`)
  t.strictSame(
    mirror.asked.filter(path => !path.startsWith('/open/')),
    [],
    'the other is not even looked at',
  )
  t.match(String((await network.get('/a.deb?explain')).body), /closed +it serves whoever asks/)
})
