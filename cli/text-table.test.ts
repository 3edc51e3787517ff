import fc from 'fast-check'
import t from 'tap'
import { textTable } from './text-table.ts'

const titles = [{ title: 'NAME' }, { title: 'BYTES', align: 'right' as const }, { title: 'WHY' }]

t.test('columns line up, numbers on the right', async t => {
  t.equal(
    textTable(titles, [
      ['physics', '12', ''],
      ['a', '1234567', 'draining'],
    ]),
    ['NAME       BYTES  WHY', 'physics       12', 'a        1234567  draining'].join('\n'),
  )
})

t.test('what is too wide gives way, the widest first', async t => {
  const table = textTable(titles, [['physics', '12', 'x'.repeat(100)]], 40)
  t.match(table, /^physics {5}12 {2}x+…$/m)
  t.ok(table.split('\n').every(line => line.length <= 40))
})

t.test('no table of a few columns is wider than 80 columns', async () => {
  const row = fc.tuple(fc.string({ maxLength: 200 }), fc.string(), fc.string({ maxLength: 90 }))
  fc.assert(
    fc.property(fc.array(row), rows =>
      textTable(titles, rows)
        .split('\n')
        .every(line => line.length <= 80 || line.includes('\n')),
    ),
  )
})
