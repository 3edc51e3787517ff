// The command against an origin of this process, with volunteers that do whatever a test wants.

import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { generateKeys } from '../../core/keys.ts'
import { sendHonestly } from '../../origin/fixtures/honest-volunteer.ts'
import { type HandMadeVolunteer, TestNetwork } from '../../origin/fixtures/test-network.ts'
import type { OriginOptions } from '../../origin/main.ts'
import { main } from '../main.ts'

t.setTimeout(120_000)

const size = 24_000_001
const data = randomBytes(size)

const start = async (t: Test, options: Partial<OriginOptions> = {}) => {
  const network = await TestNetwork.start(
    t,
    repository => {
      mkdirSync(join(repository, 'odd'))
      writeFileSync(join(repository, 'large.iso'), data)
      writeFileSync(join(repository, 'empty'), '')
      writeFileSync(join(repository, 'small'), 'small\n')
      writeFileSync(join(repository, 'odd', 'a b&c#%?\n"é.deb'), randomBytes(300_000))
    },
    options,
  )
  await network.waitForSnapshot(1)
  const base = network.origin.url.replace(/\/$/, '')
  const folder = join(t.testdirName, 'out')
  mkdirSync(folder)
  const known = join(folder, 'known', 'origins.json')
  /** Run the command; its status and what it said. */
  const fetch = async (words: readonly string[], stopped = new AbortController().signal) => {
    const notes: string[] = []
    const note = (text: string): void => void notes.push(text)
    const io = {
      print: note,
      note,
      draw: () => undefined,
      interactive: false,
      columns: 80,
      stopped,
      onHangup: () => undefined,
    }
    const common = ['--known-origins', known, '--netrc-file', join(folder, 'netrc')]
    const status = await main(['fetch', ...words, ...common], {}, io)
    return { status, text: notes.join('\n') }
  }
  return { network, base, folder, fetch, file: join(folder, 'file') }
}

const isRight = (file: string): boolean => readFileSync(file).equals(data)
const partials = (folder: string): string[] =>
  readdirSync(folder).filter(name => name.endsWith('.partial'))

/** Bytes that a volunteer was asked for. */
const countBytes = (volunteer: HandMadeVolunteer, serve = volunteer.serve) => {
  const asked = { bytes: 0, authorized: 0 }
  volunteer.serve = (incoming, response) => {
    const [, from = '0', to = '0'] = /bytes=(\d+)-(\d+)/.exec(incoming.headers.range ?? '') ?? []
    asked.bytes += Number(to) - Number(from) + 1
    if (incoming.headers.authorization !== undefined) asked.authorized += 1
    serve(incoming, response)
  }
  return asked
}

t.test('a file comes from several volunteers, whatever some of them do', async t => {
  const { network, base, folder, fetch, file } = await start(t)
  const good = [await network.volunteer('ada'), await network.volunteer('bob')]
  const counts = good.map(volunteer => countBytes(volunteer))
  const liar = await network.volunteer('liar')
  liar.serve = (incoming, response) => {
    const bytes = Buffer.from(liar.bytesOf(incoming))
    for (let at = 0; at < bytes.length; at += 999_983) bytes[at] = (bytes[at] ?? 0) ^ 1
    sendHonestly(bytes, incoming, response)
  }
  const breaker = await network.volunteer('breaker')
  breaker.serve = (_incoming, response) => void response.destroy()
  const staller = await network.volunteer('staller')
  staller.serve = () => undefined
  const stale = await network.volunteer('stale')
  stale.serve = (_incoming, response) => void response.writeHead(404).end()

  const first = await fetch([`${base}/large.iso`, '-o', file])
  t.equal(first.status, 0, first.text)
  t.ok(isRight(file))
  t.match(first.text, /is new here/)
  t.ok(
    counts.every(({ bytes }) => bytes > 1_000_000),
    JSON.stringify(counts),
  )
  const mtime = statSync(file).mtimeMs
  const modified = statSync(join(network.repository, 'large.iso')).mtimeMs
  t.ok(Math.abs(mtime - modified) < 2000, 'it has the date of the file')
  t.strictSame(partials(folder), [])

  const before = JSON.stringify(counts)
  const second = await fetch([`${base}/large.iso`, '-o', file])
  t.equal(second.status, 0)
  t.match(second.text, /here already/)
  t.notMatch(second.text, /is new here/)
  t.equal(JSON.stringify(counts), before, 'nothing was fetched again')
})

t.test('without volunteers the origin serves; empty, small and odd names work', async t => {
  const { network, base, folder, fetch } = await start(t)
  for (const name of readdirSync(join(network.repository, 'odd')).map(each => `odd/${each}`)) {
    const url = `${base}/${name.split('/').map(encodeURIComponent).join('/')}`
    const target = join(folder, 'odd')
    const done = await fetch([url, '-o', target])
    t.equal(done.status, 0, done.text)
    t.ok(readFileSync(target).equals(readFileSync(join(network.repository, name))))
  }
  for (const name of ['empty', 'small', 'large.iso']) {
    const target = join(folder, name)
    const done = await fetch([`${base}/${name}`, '--output', target])
    t.equal(done.status, 0, done.text)
    t.ok(readFileSync(target).equals(readFileSync(join(network.repository, name))), name)
  }
})

t.test('an interrupted fetch goes on where it was; spoilt pieces are fetched again', async t => {
  const { network, base, folder, fetch, file } = await start(t)
  const volunteer = await network.volunteer('ada')
  const stop = new AbortController()
  const honest = volunteer.serve
  let requests = 0
  volunteer.serve = (incoming, response) => {
    requests += 1
    if (requests < 10) honest(incoming, response)
    else if (requests === 10) stop.abort()
  }
  const first = await fetch([`${base}/large.iso`, '-o', file, '--connections', '1'], stop.signal)
  t.equal(first.status, 130, first.text)
  t.notOk(existsSync(file), 'there is nothing of the name before all of it is right')
  const [partial = ''] = partials(folder)
  const bytes = readFileSync(join(folder, partial))
  bytes[0] = (bytes[0] ?? 0) ^ 1
  writeFileSync(join(folder, partial), bytes)

  volunteer.serve = honest
  const count = countBytes(volunteer)
  const second = await fetch([`${base}/large.iso`, '-o', file])
  t.equal(second.status, 0, second.text)
  t.ok(isRight(file))
  t.ok(count.bytes < size / 2 && count.bytes > 0, `${count.bytes} bytes were fetched again`)
  t.match(second.text, /are here already/)
})

t.test('a version that is published meanwhile is fetched instead', async t => {
  const { network, base, folder, fetch, file } = await start(t)
  const volunteer = await network.volunteer('ada')
  const next = randomBytes(9_000_000)
  let published: Promise<unknown> | null = null
  volunteer.serve = (_incoming, response) => {
    writeFileSync(join(network.repository, 'large.iso'), next)
    published ??= network.publish(true)
    published.finally(() => response.writeHead(404).end())
  }
  const done = await fetch([`${base}/large.iso`, '-o', file])
  t.equal(done.status, 0, done.text)
  t.match(done.text, /new version/)
  t.ok(readFileSync(file).equals(next))
  t.strictSame(partials(folder), [], 'nothing is left of the former')
})

t.test('another key than before, or than given, is refused', async t => {
  const { network, base, folder, fetch, file } = await start(t)
  const other = generateKeys('ed25519').publicKey
  const given = await fetch([`${base}/small`, '-o', file, '--root-key', other])
  t.equal(given.status, 1)
  t.notOk(existsSync(file))
  mkdirSync(join(folder, 'known'))
  const known = join(folder, 'known', 'origins.json')
  writeFileSync(known, JSON.stringify({ [`${base}/`]: other }))
  const changed = await fetch([`${base}/small`, '-o', file])
  t.equal(changed.status, 1)
  t.match(changed.text, /another root key/)
  const proof = await network.json('/-/v1/proof?path=/small')
  const right = await fetch([`${base}/small`, '-o', file, '--root-key', String(proof.rootKey)])
  t.equal(right.status, 0, right.text)
  writeFileSync(known, 'spoilt')
  t.equal((await fetch([`${base}/small`, '-o', file])).status, 1)
})

t.test('wrong usage is status 2, what cannot be had is 1, and both say why', async t => {
  const { base, folder, fetch } = await start(t)
  for (const [words, status, said] of [
    [['ftp://x/y'], 2, /URL/],
    [[`${base}/`], 2, /folder/],
    [[], 2, /URL/],
    [[`${base}/none`, '-o', join(folder, 'x')], 1, /404/],
    [[`${base}/small`, '-o', join(folder, 'no', 'such')], 1, /ENOENT|no such/i],
    [['http://127.0.0.1:1/x', '-o', join(folder, 'x')], 1, /does not answer/],
  ] as const) {
    const done = await fetch(words)
    t.equal(done.status, status, `${words.join(' ')}: ${done.text}`)
    t.match(done.text, said)
  }
})

t.test('credentials come from the URL or netrc, and reach no volunteer', async t => {
  const { network, base, folder, fetch, file } = await start(t, { requireClients: true })
  // Who asks again for the same is sent elsewhere.
  const good = [await network.volunteer('ada'), await network.volunteer('bob')]
  const counts = good.map(volunteer => countBytes(volunteer))
  const added = await network.operate('/-/v1/clients', { name: 'lab', paths: ['/large.iso'] })
  const { secret } = JSON.parse(added.body.toString())
  const url = `${base}/large.iso`
  const none = await fetch([url, '-o', file])
  t.equal(none.status, 1)
  t.match(none.text, /401/)
  const withUser = url.replace('://', `://lab:${secret}@`)
  const byUrl = await fetch([withUser, '-o', file])
  t.equal(byUrl.status, 0, byUrl.text)
  t.notMatch(byUrl.text, secret)
  t.ok(isRight(file))
  const host = new URL(base).hostname
  writeFileSync(join(folder, 'netrc'), `machine ${host} login lab password ${secret}\n`)
  const byNetrc = await fetch([url, '-o', join(folder, 'other')])
  t.equal(byNetrc.status, 0, byNetrc.text)
  const bytes = counts.reduce((sum, count) => sum + count.bytes, 0)
  t.ok(bytes >= 2 * size, `${bytes} of ${2 * size}`)
  t.ok(counts.every(({ authorized }) => authorized === 0))
  t.equal((await fetch([`${base}/small`, '-o', file])).status, 1, 'other paths are refused')
  const hash = createHash('sha256')
    .update(readFileSync(join(folder, 'other')))
    .digest('hex')
  t.equal(hash, createHash('sha256').update(data).digest('hex'))
})
