import { writeFileSync } from 'node:fs'
import t from 'tap'
import { readTree, treeDifferences, uniqueBytes } from './compare-trees.ts'

t.test('differences of every kind are named', async t => {
  const folder = t.testdir({
    a: { same: '1', changed: 'x', gone: 'y', link: t.fixture('symlink', 'same') },
    b: { same: '1', changed: 'z', more: 'y', link: t.fixture('symlink', 'more') },
  })
  const expected = await readTree(`${folder}/a`)
  t.same(treeDifferences(expected, expected), [])
  t.same(treeDifferences(expected, await readTree(`${folder}/b`)).sort(), [
    'different: changed',
    'different: link',
    'missing: gone',
    'too much: more',
  ])
})

t.test('names are bytes', async t => {
  const folder = t.testdir()
  const name = Buffer.from([0x66, 0xff, 0xc3])
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), name]), 'x')
  t.same([...(await readTree(folder)).keys()], [name.toString('latin1')])
  t.equal((await readTree(folder, () => true)).size, 0)
})

t.test('identical contents count once', async t => {
  const folder = t.testdir({ one: 'same', two: { three: 'same' }, four: 'other', empty: '' })
  t.equal(await uniqueBytes(folder), 9)
})
