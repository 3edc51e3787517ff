import t from 'tap'
import type { VolunteerName } from '../core/ids.ts'
import { PollTable } from './poll-table.ts'

const named = (name: string) => name as VolunteerName
const ignore = (): void => undefined
const request = (waitMs: number, signal?: AbortSignal, onBroken = ignore) => ({
  tag: 'seen',
  waitMs,
  signal,
  onBroken,
})

t.test('a poll ends with news, with its time, or when a newer one comes', async t => {
  const polls = new PollTable()
  const first = polls.hold(named('a'), request(60_000))
  const second = polls.hold(named('a'), request(60_000))
  t.equal(await first, 'replaced')
  t.equal(polls.size, 1)
  const other = polls.hold(named('b'), request(60_000))
  polls.wake(name => (name === 'a' ? 'news' : 'seen'))
  t.equal(await second, 'news')
  t.ok(polls.has(named('b')))
  polls.endAll('stopped')
  t.equal(await other, 'stopped')
  t.equal(await polls.hold(named('a'), request(1)), 'timeout')
  t.equal(polls.size, 0)
})

t.test('a broken connection ends the poll and is told at once', async t => {
  const polls = new PollTable()
  const connection = new AbortController()
  let broken = 0
  const count = () => {
    broken++
  }
  const poll = polls.hold(named('a'), request(60_000, connection.signal, count))
  connection.abort()
  t.equal(broken, 1, 'before anything else can happen')
  t.notOk(polls.has(named('a')))
  t.equal(await poll, 'broken')
  t.equal(await polls.hold(named('a'), request(60_000, connection.signal, count)), 'broken')
  t.equal(broken, 2)
})

t.test('a connection that breaks after the answer is no news', async t => {
  const polls = new PollTable()
  const connection = new AbortController()
  const poll = polls.hold(
    named('a'),
    request(60_000, connection.signal, () => t.fail('not a poll any more')),
  )
  polls.end(named('a'), 'news')
  connection.abort()
  t.equal(await poll, 'news')
})

t.test('the number of polls is bounded', async t => {
  const polls = new PollTable({ limit: 1 })
  const first = polls.hold(named('a'), request(60_000))
  t.equal(await polls.hold(named('b'), request(60_000)), 'full')
  polls.end(named('a'), 'news')
  await first
})
