import t from 'tap'
import { seededRandom } from '../../core/clock.ts'
import {
  formatPackages,
  mergePackages,
  newestByName,
  parsePackages,
  readField,
  replaceSome,
} from './packages-text.ts'

const entry = (name: string, version: string): string =>
  `Package: ${name}\nVersion: ${version}\nDescription: x\n Package: not this\n\n`

const stable = ['a', 'b', 'd', 'e'].map(name => entry(name, '1.0-1')).join('')
const newer = [
  entry('b', '1.0-1+deb12u2'),
  entry('b', '1.0-1+deb12u10'),
  entry('c', '2'),
  entry('f', '2'),
]

const versions = (entries: readonly { name: string; version: string }[]): string[] =>
  entries.map(({ name, version }) => `${name} ${version}`)

t.test('an index is read and written without a change', async t => {
  const entries = parsePackages(stable)
  t.same(versions(entries), ['a 1.0-1', 'b 1.0-1', 'd 1.0-1', 'e 1.0-1'])
  t.equal(formatPackages(entries), stable)
  const [first] = entries
  t.ok(first)
  if (first !== undefined) {
    t.equal(readField(first, 'Description'), 'x')
    t.equal(readField(first, 'Size'), '')
  }
})

t.test('a merged index has the newest of each name, and new names where they belong', async t => {
  const others = newestByName(parsePackages(newer.join('')))
  t.same(versions(mergePackages(parsePackages(stable), others)), [
    'a 1.0-1',
    'b 1.0-1+deb12u10',
    'c 2',
    'd 1.0-1',
    'e 1.0-1',
    'f 2',
  ])
})

t.test('only as many entries as wanted are replaced, and only those that differ', async t => {
  const others = newestByName(parsePackages(`${newer.join('')}${entry('a', '1.0-1')}`))
  const replaced = replaceSome(parsePackages(stable), others, 30, seededRandom(1))
  t.same(versions(replaced), ['a 1.0-1', 'b 1.0-1+deb12u10', 'd 1.0-1', 'e 1.0-1'])
  t.equal(formatPackages(replaceSome(parsePackages(stable), others, 0, seededRandom(1))), stable)
})
