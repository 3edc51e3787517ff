import t from 'tap'
import { sampleRecord } from '../fixtures/samples.ts'
import { rosterList } from './roster-list.ts'

const names = (...records: Parameters<typeof rosterList>[0][]): string[][] =>
  records.map(each => rosterList(each).map(({ name }) => name))

t.test('all enabled volunteers are in it, in the order of their names', t => {
  const records = [
    sampleRecord('b'),
    sampleRecord('a', { draining: true }),
    sampleRecord('d', { disabled: true }),
    sampleRecord('c', { reachable: false }),
  ]
  t.strictSame(names(records, records.toReversed()), [
    ['a', 'b', 'c'],
    ['a', 'b', 'c'],
  ])
  const { publicKey, url } = sampleRecord('b')
  t.strictSame(rosterList([sampleRecord('b')]), [{ name: 'b', key: publicKey, url }])
  t.end()
})

t.test('a key belongs to the volunteer that enrolled with it last', t => {
  const { publicKey } = sampleRecord('x')
  const old = sampleRecord('old', { publicKey, enrolledMs: 1 })
  const young = sampleRecord('a-new-name', { publicKey, enrolledMs: 2 })
  const same = sampleRecord('b-new-name', { publicKey, enrolledMs: 2 })
  t.strictSame(names([old, young], [young, old], [same, old, young], [young, same]), [
    ['a-new-name'],
    ['a-new-name'],
    ['b-new-name'],
    ['b-new-name'],
  ])
  const disabled = { ...young, disabled: true }
  t.strictSame(names([old, disabled]), [['old']])
  t.end()
})
