import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ClientStore } from './client-store.ts'
import { Verifier } from './verifier.ts'

const make = (t: Test) => {
  const store = new ClientStore(join(t.testdir({}), 'clients.db'))
  t.teardown(() => store.close())
  const time = { ms: 1 }
  const clock = { nowMs: () => time.ms, monotonicMs: () => time.ms }
  return { store, time, verifier: new Verifier(store, clock) }
}
const asked = { paths: [], networks: [], password: null }

t.test('made secrets are checked at once, wrong ones and unknown names are wrong', async t => {
  const { store, verifier } = make(t)
  const { secret } = await store.add({ name: 'lab', ...asked }, 0)
  const verdict = verifier.verify({ name: 'lab', secret: secret ?? '' }, '192.0.2.1')
  t.match(verdict, { kind: 'known', client: { name: 'lab' } })
  t.match(verifier.verify({ name: 'lab', secret: 'x' }, '192.0.2.1'), { kind: 'wrong' })
  t.match(verifier.verify({ name: 'nobody', secret: secret ?? '' }, '192.0.2.1'), { kind: 'wrong' })
  const long = 'x'.repeat(100_000)
  t.match(verifier.verify({ name: 'lab', secret: long }, '192.0.2.1'), { kind: 'wrong' })
  store.revoke('lab')
  const after = verifier.verify({ name: 'lab', secret: secret ?? '' }, '192.0.2.1')
  t.match(after, { kind: 'wrong' }, 'revoking works at once')
})

t.test(
  'guessing is slowed down by address, and by name without shutting out the owner',
  async t => {
    const { store, verifier, time } = make(t)
    const { secret } = await store.add({ name: 'lab', ...asked }, 0)
    const right = { name: 'lab', secret: secret ?? '' }
    t.match(verifier.verify(right, '198.51.100.1'), { kind: 'known' }, 'the owner comes first')
    for (let count = 0; count < 10; count++) {
      t.match(verifier.verify({ name: `name-${count}`, secret: 'x' }, '192.0.2.1'), {
        kind: 'wrong',
      })
    }
    t.match(verifier.verify(right, '192.0.2.1'), { kind: 'later', why: 'guesses', seconds: 1 })
    t.match(verifier.verify(right, '192.0.2.2'), { kind: 'known' }, 'others are not slowed down')
    time.ms += 1000
    t.match(verifier.verify(right, '192.0.2.1'), { kind: 'known' })
    for (let count = 0; count < 50; count++) {
      verifier.verify({ name: 'lab', secret: `guess ${count}` }, `203.0.113.${count}`)
    }
    t.match(verifier.verify(right, '203.0.113.200'), { kind: 'later' }, 'many hosts, one name')
    t.match(verifier.verify(right, '198.51.100.1'), { kind: 'known' }, 'the owner is not shut out')
  },
)

t.test('a chosen password is stretched once, then remembered for a while', async t => {
  const { store, verifier, time } = make(t)
  const password = 'correct horse battery'
  const made = await store.add({ name: 'ann', ...asked, password }, 0)
  t.equal(made.secret, null, 'it is known already')
  const right = { name: 'ann', secret: password }
  const first = verifier.verify(right, '192.0.2.1')
  t.ok(first instanceof Promise)
  t.equal(verifier.verify(right, '192.0.2.9'), first, 'equal ones are checked once')
  t.match(await first, { kind: 'known', client: { name: 'ann' } })
  t.match(verifier.verify(right, '192.0.2.1'), { kind: 'known' }, 'at once from now on')
  t.match(await verifier.verify({ ...right, secret: 'x' }, '192.0.2.1'), { kind: 'wrong' })
  time.ms += 300_001
  t.ok(verifier.verify(right, '192.0.2.1') instanceof Promise, 'and forgotten')
  store.revoke('ann')
  t.match(await verifier.verify(right, '192.0.2.1'), { kind: 'wrong' })
  await store.add({ name: 'ann', ...asked, password: 'another password' }, 0)
  t.match(await verifier.verify(right, '192.0.2.1'), { kind: 'wrong' }, 'another ann')
})

t.test('a flood of wrong passwords waits in a bounded queue, off the event loop', async t => {
  const { store, verifier } = make(t)
  await store.add({ name: 'ann', ...asked, password: 'correct horse battery' }, 0)
  const verdicts = Array.from({ length: 500 }, (_, count) =>
    verifier.verify({ name: 'ann', secret: `guess ${count}` }, `192.0.${count % 250}.${count % 9}`),
  )
  const waiting = verdicts.filter(verdict => verdict instanceof Promise)
  t.equal(waiting.length, 64)
  t.match(verdicts.at(-1), { kind: 'later', why: 'busy' })
  const settled = await Promise.all(waiting)
  t.ok(
    settled.some(verdict => verdict.kind === 'later'),
    'the later ones are not even checked',
  )
})
