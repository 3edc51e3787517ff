import t from 'tap'
import type { VolunteerName } from '../core/ids.ts'
import { startNetwork, type TestVolunteer } from './fixtures/network.ts'
import { sampleRecord } from './fixtures/samples.ts'
import { applyEvent, emptyNetwork } from './logic/network-state.ts'
import { RosterSource } from './roster-source.ts'

const namesIn = (answer: { roster?: { volunteers: readonly { name: string }[] } }) =>
  answer.roster?.volunteers.map(({ name }) => name)

t.test('a roster names all others, and is not made anew for nothing', t => {
  const network = emptyNetwork()
  const enrol = (name: string): void =>
    applyEvent(network, { type: 'enrolled', volunteer: sampleRecord(name) })
  enrol('a')
  enrol('b')
  let made = 0
  const source = new RosterSource(() => {
    made++
    return network
  })
  const [a, b, stranger] = ['a', 'b', 'c'] as unknown as [
    VolunteerName,
    VolunteerName,
    VolunteerName,
  ]
  const { roster } = source.answerTo(a, null)
  t.match(roster, { tag: source.tagFor(a), volunteers: [{ name: 'b' }] })
  t.strictSame(source.answerTo(a, roster?.tag), {}, 'who has it is not told again')
  t.strictSame(source.answerTo(a, undefined), {}, 'nor is who does not ask')
  t.match(source.answerTo(b, null), { roster: { volunteers: [{ name: 'a' }] } })
  t.strictSame(source.answerTo(stranger, 'x'), { roster: { tag: 'closed', volunteers: [] } })
  t.equal(made, 1)
  source.changed()
  t.equal(source.tagFor(a), roster?.tag, 'the same volunteers, the same tag')
  enrol('c')
  source.changed()
  t.not(source.tagFor(a), roster?.tag)
  t.end()
})

/** Announce as a daemon that keeps rosters does. */
const tell = async (volunteer: TestVolunteer) => {
  const answer = await volunteer.announce()
  if (answer.roster !== undefined) volunteer.client.setRoster(answer.roster.tag)
  return answer
}

t.test('volunteers that ask for it are told who the others are, once', async t => {
  const { tracker, join } = await startNetwork(t)
  const [a, old] = [await join('a'), await join('old')]
  a.client.setRoster(null)
  t.strictSame(namesIn(await tell(a)), ['old'])
  t.strictSame(namesIn(await tell(a)), undefined, 'not again')
  t.strictSame(namesIn(await tell(old)), undefined, 'an older version does not ask')
  a.client.setRoster('of-another-tracker')
  t.strictSame(namesIn(await tell(a)), ['old'])

  const { answer } = await a.poll()
  await join('b')
  const told = await answer
  t.strictSame(namesIn(told), ['b', 'old'], 'who waits hears of a new volunteer')
  a.client.setRoster(told.roster?.tag ?? null)
  const { answer: next } = await a.poll()
  await tracker.setOwner('b' as VolunteerName, { disabled: true })
  t.strictSame(namesIn(await next), ['old'], 'and of one that was disabled')
})

t.test('a disabled volunteer is to talk to nobody, until it is enabled again', async t => {
  const { tracker, join } = await startNetwork(t)
  const a = await join('a')
  await join('b')
  a.client.setRoster(null)
  t.strictSame(namesIn(await tell(a)), ['b'])
  await tracker.setOwner(a.name, { disabled: true })
  t.strictSame(namesIn(await tell(a)), [])
  t.strictSame(namesIn(await tell(a)), undefined)
  await tracker.setOwner(a.name, { disabled: false })
  t.strictSame(namesIn(await tell(a)), ['b'])
})

t.test('settings that concern nobody else wake nobody else', async t => {
  const { tracker, join } = await startNetwork(t)
  const a = await join('a')
  const b = await join('b')
  for (const each of [a, b]) {
    each.client.setRoster(null)
    await tell(each)
  }
  const { answer } = await a.poll()
  let woken = false
  answer.then(() => {
    woken = true
  })
  await tracker.setOwner(b.name, { weight: 2, drain: true })
  await tracker.setReachable(b.name, false)
  await tell(b)
  await new Promise(resolve => setImmediate(resolve))
  t.notOk(woken)
  t.equal(tracker.stateSize.openPolls, 1)
})
