import t from 'tap'
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
