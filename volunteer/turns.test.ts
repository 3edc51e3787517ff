import t from 'tap'
import { Turns } from './turns.ts'

t.test('some run at the same time, and one that wants to be alone is alone', async t => {
  const turns = new Turns()
  const log: string[] = []
  const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>())
  const work = (name: string, gate: number) => async () => {
    log.push(`${name} begins`)
    await gates[gate]?.promise
    log.push(`${name} ends`)
  }
  const all = [
    turns.beside(work('a', 0)),
    turns.beside(work('b', 1)),
    turns.exclusively(work('alone', 2)),
    turns.beside(work('c', 3)),
  ]
  await Promise.resolve()
  t.strictSame(log, ['a begins', 'b begins'])
  gates[1]?.resolve()
  gates[0]?.resolve()
  gates[3]?.resolve()
  await Promise.all(all.slice(0, 2))
  gates[2]?.resolve()
  await Promise.all(all)
  t.strictSame(log.slice(4), ['alone begins', 'alone ends', 'c begins', 'c ends'])
})

t.test('what fails holds up nobody, and its error is its caller’s', async t => {
  const turns = new Turns()
  const failing = turns.beside(async () => {
    throw new Error('beside')
  })
  const alone = turns.exclusively(async () => {
    throw new Error('alone')
  })
  const last = turns.beside(async () => 'done')
  await t.rejects(failing, { message: 'beside' })
  await t.rejects(alone, { message: 'alone' })
  t.equal(await last, 'done')
})
