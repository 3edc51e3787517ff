import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { VolunteerName } from '../core/ids.ts'
import { generateKeys } from '../core/keys.ts'
import { volunteers } from '../core/limits.ts'
import { silentLogger } from '../core/log.ts'
import { parseAnnounceAnswer, type RosterEntry } from './messages.ts'
import { VolunteerRoster } from './roster.ts'

const own = { name: 'own' as VolunteerName, publicKey: generateKeys('ed25519').publicKey }
const entryOf = (name: string, change: Partial<RosterEntry> = {}): RosterEntry => ({
  name: name as VolunteerName,
  key: generateKeys('ed25519').publicKey,
  url: `http://${name}.example.org`,
  ...change,
})
const open = async (file: string): Promise<VolunteerRoster> => {
  const roster = new VolunteerRoster({ file, ...own, logger: silentLogger })
  await roster.start()
  return roster
}
const answer = {
  ...{ nowMs: 1, intervalMs: 1, snapshot: null, holdingsVersion: null, wantFull: false },
  ...{ torrents: [], drain: false, state: 'synced', tag: 'x' },
}

t.test('volunteers are found by name and by key, and survive a restart', async t => {
  const file = join(t.testdir(), 'roster.json')
  const roster = await open(file)
  t.equal(roster.tag, null, 'at first nobody is known')
  const [a, b] = [entryOf('a'), entryOf('b')]
  roster.replace({ tag: 'one', volunteers: [a] })
  roster.replace({ tag: 'two', volunteers: [a, b] })
  await roster.stop()
  for (const each of [roster, await open(file)]) {
    t.equal(each.tag, 'two')
    t.strictSame(each.names(), ['a', 'b'])
    t.equal(each.nameOf(b.key), 'b')
    t.equal(each.keyOf(b.name)?.export({ format: 'jwk' }).x, b.key)
    t.equal(each.keyOf(b.name), each.keyOf(b.name), 'a key is imported once')
    t.equal(each.urlOf(a.name), 'http://a.example.org')
    t.strictSame([each.nameOf(own.publicKey), each.keyOf(own.name)], [null, null])
  }
})

t.test('those who listen hear of changes, and of nothing else', async t => {
  const roster = await open(join(t.testdir(), 'roster.json'))
  let heard = 0
  const end = roster.onChange(() => {
    heard++
  })
  const a = entryOf('a')
  roster.replace({ tag: 'one', volunteers: [a] })
  roster.replace({ tag: 'one', volunteers: [] })
  t.equal(heard, 1)
  t.equal(roster.nameOf(a.key), 'a', 'a roster of the same tag is the same')
  roster.replace({ tag: 'two', volunteers: [] })
  t.equal(heard, 2)
  t.equal(roster.nameOf(a.key), null)
  end()
  roster.replace({ tag: 'three', volunteers: [] })
  t.equal(heard, 2)
  await roster.stop()
})

t.test('names and keys that come twice, its own entry and odd URLs are left out', async t => {
  const roster = await open(join(t.testdir(), 'roster.json'))
  const a = entryOf('a')
  // The last character of 43 has two bits that mean nothing.
  const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const other = last[last.indexOf(a.key.at(-1) ?? '') + 1]
  roster.replace({
    tag: 'x',
    volunteers: [
      a,
      entryOf('a'),
      entryOf('b', { key: a.key }),
      entryOf('c', { key: `${a.key.slice(0, -1)}${other}` }),
      entryOf('own'),
      entryOf('myself', { key: own.publicKey }),
      entryOf('d', { url: 'file:///etc/passwd' }),
      entryOf('e', { url: 'nonsense' }),
      entryOf('f', { url: 'https://f.example.org/prefix' }),
    ],
  })
  t.strictSame(roster.names(), ['a', 'f'])
  t.equal(roster.nameOf(a.key), 'a')
  await roster.stop()
})

t.test('what was damaged on the disk is asked for again', async t => {
  const folder = t.testdir()
  for (const [index, text] of [
    '',
    '{"tag":"x"',
    '[]',
    '{"tag":"x","volunteers":[{}]}',
    '{"tag":"","volunteers":[]}',
  ].entries()) {
    const file = join(folder, `${index}.json`)
    writeFileSync(file, text)
    const roster = await open(file)
    t.strictSame([roster.tag, roster.size], [null, 0], text)
    roster.replace({ tag: 'y', volunteers: [] })
    await roster.stop()
    t.match(JSON.parse(readFileSync(file, 'utf8')), { tag: 'y' })
  }
})

t.test('a roster that cannot be written counts all the same', async t => {
  const file = join(t.testdir(), 'folder')
  mkdirSync(join(file, 'not-empty'), { recursive: true })
  const roster = await open(file)
  roster.replace({ tag: 'x', volunteers: [entryOf('a')] })
  t.equal(roster.size, 1)
  await roster.stop()
})

t.test('a garbled roster in an answer is an error of that answer', t => {
  const a = entryOf('a')
  const good = { tag: 'x', volunteers: [{ ...a, later: true }], later: 1 }
  t.equal(parseAnnounceAnswer({ ...answer, roster: good }).roster?.volunteers.length, 1)
  t.equal(parseAnnounceAnswer(answer).roster, undefined, 'an older tracker sends none')
  const many = Array.from({ length: volunteers + 1 }, () => a)
  for (const roster of [
    null,
    [],
    { volunteers: [a] },
    { tag: 'x' },
    { tag: 'with space', volunteers: [] },
    { tag: 'x', volunteers: many },
    { tag: 'x', volunteers: [{ ...a, key: 'short' }] },
    { tag: 'x', volunteers: [{ ...a, key: 7 }] },
    { tag: 'x', volunteers: [{ ...a, name: '../../etc' }] },
    { tag: 'x', volunteers: [{ ...a, url: `http://${'x'.repeat(5000)}` }] },
  ]) {
    t.throws(() => parseAnnounceAnswer({ ...answer, roster }), { code: 'MS_ANSWER_INVALID' })
  }
  t.end()
})

t.test('whatever the tracker names, each name has one key and each key one name', async t => {
  const roster = await open(join(t.testdir(), 'roster.json'))
  const keys = Array.from({ length: 4 }, () => generateKeys('ed25519').publicKey)
  const entry = fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'own') as fc.Arbitrary<VolunteerName>,
    key: fc.constantFrom(...keys, own.publicKey),
    url: fc.constantFrom('http://x.example.org', 'ftp://x.example.org'),
  })
  let round = 0
  fc.assert(
    fc.property(fc.array(entry), volunteers => {
      roster.replace({ tag: `t${++round}`, volunteers })
      for (const name of roster.names()) {
        const key = roster.keyOf(name)?.export({ format: 'jwk' }).x ?? ''
        t.equal(roster.nameOf(key), name)
      }
      t.notOk(roster.names().includes(own.name))
    }),
  )
  await roster.stop()
})
