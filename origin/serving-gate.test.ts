import t from 'tap'
import { bounceReserve } from '../core/healing-limits.ts'
import { directReserve } from '../core/limits.ts'
import { ServingGate } from './serving-gate.ts'

t.test('ordinary answers stop at the limit, essential ones at their reserve', async t => {
  const gate = new ServingGate(2)
  const leave = gate.enter('ordinary')
  t.ok(gate.enter('ordinary'))
  t.equal(gate.enter('ordinary'), null)
  for (let index = 0; index < directReserve; index++) t.ok(gate.enter('essential'))
  t.equal(gate.enter('essential'), null)
  t.ok(gate.enter('sync'), 'volunteers have room of their own')
  t.equal(gate.activeClients, 2 + directReserve)
  t.equal(gate.activeSync, 1)
  leave?.()
  leave?.()
  t.equal(gate.activeClients, 1 + directReserve, 'leaving twice counts once')
  t.ok(gate.enter('ordinary'))
  t.equal(gate.enter('ordinary'), null)
})

t.test('with a limit of zero only the essential is served', async t => {
  const gate = new ServingGate(0)
  t.equal(gate.enter('ordinary'), null)
  t.ok(gate.enter('essential'))
})

t.test('bounces have a reserve of their own, and no volunteer can use all of it', async t => {
  const gate = new ServingGate(0)
  const ada = { key: 'ada', most: 3 }
  const leave = gate.enter('bounce', [ada])
  t.ok(gate.enter('bounce', [ada, { key: 'link', most: 1 }]))
  t.equal(gate.enter('bounce', [ada, { key: 'link', most: 1 }]), null, 'one bounce, used again')
  t.ok(gate.enter('bounce', [ada]))
  t.equal(gate.enter('bounce', [ada]), null)
  leave?.()
  t.ok(gate.enter('bounce', [ada]))
  for (let index = 3; index < bounceReserve; index++) {
    t.ok(gate.enter('bounce', [{ key: `volunteer ${index}`, most: 1 }]))
  }
  t.equal(gate.enter('bounce', [{ key: 'zoe', most: 1 }]), null)
  t.ok(gate.enter('essential'), 'what is never redirected is not touched')
})

t.test('clients that come back get a bounded share', async t => {
  const gate = new ServingGate(40)
  for (let index = 0; index < 10; index++) t.ok(gate.enter('repeat'))
  t.notOk(gate.hasRoom('repeat'))
  t.equal(gate.enter('repeat'), null)
  t.ok(gate.hasRoom('ordinary'))
})
