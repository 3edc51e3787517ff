import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../core/clock.ts'
import { testFolder } from '../core/fixtures/test-folder.ts'
import type { RepoPath, VolunteerName } from '../core/ids.ts'
import { silentLogger } from '../core/log.ts'
import type { Content } from '../manifest/model.ts'
import { AccessLog } from './access-log.ts'
import { rawRequest, TestNetwork } from './fixtures/test-network.ts'
import { originDefaults } from './main.ts'

interface Line {
  readonly path: string
  readonly volunteer: string
  readonly agent: string
}

const linesIn = (file: string): Line[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))

const ada = 'ada' as VolunteerName
const requestFor = (number: number) => ({
  client: `192.0.2.77 lab-7 apt "${number}"\u0001`,
  address: '192.0.2.77',
  https: false,
  path: `pool/${number}.deb` as RepoPath,
  content: { sizeBytes: 1000 } as Content,
  range: 'bytes=400-',
})

t.test('a line has what analysers ask for, as much of it as the operator wants', async t => {
  const file = join(testFolder(t), 'access.log')
  const log = new AccessLog({ clock: systemClock, logger: silentLogger, named: true })
  log.sent(ada, requestFor(0))
  t.notOk(existsSync(file), 'nothing is written that nobody asked for')
  for (const [number, addresses] of (['full', 'short', 'none'] as const).entries()) {
    log.change(file, addresses)
    log.sent(ada, requestFor(number))
  }
  await log.stop()
  log.sent(ada, requestFor(9))
  const lines = linesIn(file)
  t.match(lines[0], {
    time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
    ...{ address: '192.0.2.77', client: 'lab-7', method: 'GET', path: '/pool/0.deb', status: 302 },
    ...{ bytes: 600, volunteer: 'ada', agent: 'apt "0"\u0001', protocol: 'HTTP/1.1' },
  })
  t.strictSame(lines.map(line => (line as unknown as { address: string }).address).sort(), [
    '-',
    '192.0.2.0',
    '192.0.2.77',
  ])
  t.equal(statSync(file).mode & 0o777, 0o640)
})

t.test('HEAD has a line of no bytes, on every way to it', async t => {
  const fill = (repository: string): void =>
    writeFileSync(join(repository, 'a.bin'), Buffer.alloc(20_000, 'a'))
  const network = await TestNetwork.start(t, fill, { announceIntervalMs: 60_000 })
  await network.waitForSnapshot(1)
  await network.volunteer('ada')
  const file = join(testFolder(t), 'access.log')
  const options = { ...originDefaults, repositoryDir: network.repository, dataDir: network.data }
  await network.origin.reload({ ...options, accessLog: file })
  const ask = (method: string, agent: string, target = '/a.bin', range?: string) =>
    rawRequest(network.origin.url, target, {
      ...{ method, headers: { 'user-agent': agent, ...(range === undefined ? {} : { range }) } },
    })
  for (const turn of [0, 1]) {
    for (const method of ['GET', 'HEAD']) {
      const range = 'bytes=0-99'
      t.equal((await ask(method, `whole ${turn} ${method}`)).status, 302)
      t.equal((await ask(method, `part ${turn} ${method}`, '/a.bin', range)).status, 302)
      t.equal((await ask(method, `via ${turn} ${method}`, '/-/via/ada/a.bin')).status, 302)
    }
  }
  await network.origin.reload({ ...options, accessLog: null })
  await network.origin.stop()
  const seen = linesIn(file).map(line => Object.values(line).join(' '))
  const count = (pattern: RegExp): number => seen.filter(line => pattern.test(line)).length
  t.equal(seen.length, 12)
  t.equal(count(/ HEAD \/a\.bin HTTP\/1\.1 302 0 ada /), 6)
  t.equal(count(/ GET \/a\.bin HTTP\/1\.1 302 20000 ada (?:whole|via)/), 4)
  t.equal(count(/ GET \/a\.bin HTTP\/1\.1 302 100 ada part/), 2)
})

t.test('a file that cannot be opened leaves the old one', async t => {
  const folder = testFolder(t)
  const file = join(folder, 'access.log')
  const log = new AccessLog({ clock: systemClock, logger: silentLogger, named: false })
  log.change(file, 'full')
  t.throws(() => log.change(join(folder, 'none', 'access.log'), 'full'), {
    code: 'MS_CONFIG_INVALID',
    message: /--access-log .*none/,
  })
  log.sent(ada, requestFor(1))
  await log.stop()
  t.equal(linesIn(file).length, 1)
})

t.test(
  'a full disk is complained about, and harms nothing else',
  { skip: !existsSync('/dev/full') && 'there is no /dev/full here' },
  async t => {
    const complaints: object[] = []
    const logger = { ...silentLogger, error: (fields: object) => void complaints.push(fields) }
    const log = new AccessLog({ clock: systemClock, logger, named: false })
    log.change('/dev/full', 'full')
    for (let number = 0; number < 2_000; number++) log.sent(ada, requestFor(number))
    await log.stop()
    t.equal(complaints.length, 1, 'once a minute')
    t.match(complaints[0], { error: String })
  },
)

t.test('rotation under load loses no line and doubles none', async t => {
  const network = await TestNetwork.start(
    t,
    repository => {
      for (let number = 0; number < 4; number++) {
        writeFileSync(join(repository, `${number}.bin`), Buffer.alloc(20_000, number + 1))
      }
    },
    { announceIntervalMs: 60_000 },
  )
  await network.waitForSnapshot(1)
  await network.volunteer('ada')
  const logs = testFolder(t)
  const file = join(logs, 'access.log')
  const options = {
    ...originDefaults,
    ...{ repositoryDir: network.repository, dataDir: network.data, accessLog: file },
  }
  await network.origin.reload(options)
  const expected: string[] = []
  let rotations = 0
  const clients = Array.from({ length: 6 }, async (_none, client) => {
    for (let turn = 0; turn < 40; turn++) {
      const agent = `client ${client} turn ${turn}`
      const answer = await network.get(`/${turn % 4}.bin`, { 'user-agent': agent })
      if (answer.status === 302) expected.push(agent)
      if (client === 0 && turn % 10 === 5) {
        renameSync(file, `${file}.${++rotations}`)
        await network.origin.reload(options)
      }
    }
  })
  await Promise.all(clients)
  await network.origin.reload({ ...options, accessLog: null })
  await network.origin.stop()
  const written = readdirSync(logs).flatMap(name => linesIn(join(logs, name)))
  t.ok(expected.length > 200 && rotations === 4, `${expected.length} redirects`)
  t.strictSame(written.map(({ agent }) => agent).sort(), expected.sort())
  t.ok(written.every(({ volunteer }) => volunteer === 'ada'))
})
