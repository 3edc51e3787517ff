import t from 'tap'
import type { VolunteerName } from '../core/ids.ts'
import { peerRetryCeilingMs, peerRetryMs } from '../core/limits.ts'
import { PeerBook } from './peer-book.ts'

const a = { name: 'a' as VolunteerName, host: '10.0.0.1', port: 1000 }
const b = { name: 'b' as VolunteerName, host: '10.0.0.2', port: 1000 }
const nobody = (): boolean => false

t.test('peers are connected to in order, as many as there is room for, each once', t => {
  const book = new PeerBook(() => 0.999)
  book.set([a, b])
  t.strictSame(book.due(0, nobody, 1), [a])
  book.connecting(a.name)
  t.strictSame(book.due(0, nobody, 5), [b])
  t.end()
})

t.test('who could not be reached is tried later and later, who was useful soon', t => {
  const book = new PeerBook(() => 0.999)
  book.set([a])
  let nowMs = 0
  for (let round = 0; round < 12; round++) {
    book.connecting(a.name)
    book.ended(a.name, false, nowMs)
    t.strictSame(book.due(nowMs, nobody, 1), [])
    nowMs += peerRetryCeilingMs
    t.strictSame(book.due(nowMs, nobody, 1), [a])
  }
  book.ended(a.name, false, nowMs)
  t.strictSame(book.due(nowMs + peerRetryCeilingMs / 2, nobody, 1), [])
  book.ended(a.name, true, nowMs)
  t.strictSame(book.due(nowMs + peerRetryMs, nobody, 1), [a])
  t.end()
})

t.test('who is connected in the other direction, or banned, is left alone meanwhile', t => {
  const book = new PeerBook(() => 0.5)
  book.set([a])
  t.strictSame(
    book.due(0, name => name === a.name, 1),
    [],
  )
  t.strictSame(book.due(0, nobody, 1), [a])
  t.end()
})

t.test('a new list keeps what is known of those still in it, unless they moved', t => {
  const book = new PeerBook(() => 0.5)
  book.set([a, b])
  for (let round = 0; round < 5; round++) book.ended(a.name, false, 0)
  book.set([a])
  t.equal(book.size, 1)
  t.strictSame(book.due(1, nobody, 5), [])
  const moved = { ...a, host: '10.0.0.3' }
  book.set([moved])
  t.strictSame(book.due(1, nobody, 5), [moved])
  for (let round = 0; round < 5; round++) book.ended(a.name, false, 0)
  book.set([])
  book.set([a])
  t.strictSame(book.due(1, nobody, 5), [a])
  t.end()
})

t.test('a volunteer at two addresses is one peer', t => {
  const book = new PeerBook(() => 0.5)
  book.set([a, { ...a, host: '10.0.0.9' }])
  t.equal(book.size, 1)
  t.strictSame(book.due(0, nobody, 5), [a])
  t.end()
})
