import t from 'tap'
import { peerRetryCeilingMs, peerRetryMs } from '../core/limits.ts'
import { PeerBook } from './peer-book.ts'

const a = { host: '10.0.0.1', port: 1000 }
const b = { host: '10.0.0.2', port: 1000 }
const nobody: ReadonlySet<string> = new Set()

t.test('peers are connected to in order, as many as there is room for, each once', t => {
  const book = new PeerBook(() => 0.999)
  book.set([a, b])
  t.strictSame(book.due(0, nobody, 1), [a])
  book.connecting(a)
  t.strictSame(book.due(0, nobody, 5), [b])
  t.end()
})

t.test('who could not be reached is tried later and later, who was useful soon', t => {
  const book = new PeerBook(() => 0.999)
  book.set([a])
  let nowMs = 0
  for (let round = 0; round < 12; round++) {
    book.connecting(a)
    book.ended(a, false, nowMs)
    t.strictSame(book.due(nowMs, nobody, 1), [])
    nowMs += peerRetryCeilingMs
    t.strictSame(book.due(nowMs, nobody, 1), [a])
  }
  book.ended(a, false, nowMs)
  t.strictSame(book.due(nowMs + peerRetryCeilingMs / 2, nobody, 1), [])
  book.ended(a, true, nowMs)
  t.strictSame(book.due(nowMs + peerRetryMs, nobody, 1), [a])
  t.end()
})

t.test('who is connected in the other direction is left alone meanwhile', t => {
  const book = new PeerBook(() => 0.5)
  book.set([a])
  book.met('10.0.0.1:1000', 'name')
  t.strictSame(book.due(0, new Set(['name']), 1), [])
  t.strictSame(book.due(0, nobody, 1), [a])
  t.end()
})

t.test('a new list keeps what is known of those still in it', t => {
  const book = new PeerBook(() => 0.5)
  book.set([a, b])
  book.shun('10.0.0.1:1000')
  book.set([a])
  t.equal(book.size, 1)
  t.strictSame(book.due(1e9, nobody, 5), [])
  book.set([])
  book.set([a])
  t.strictSame(book.due(1e9, nobody, 5), [a])
  t.end()
})
