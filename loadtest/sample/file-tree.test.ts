import { statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readTree } from '../compare-trees.ts'
import { fileTree, sizeAtShare, treeSizes } from './file-tree.ts'

t.test('sizes follow the published distribution', t => {
  t.equal(sizeAtShare(0), 1_000)
  t.equal(sizeAtShare(0.048), 8_000)
  t.equal(sizeAtShare(0.79), 512_000)
  t.equal(sizeAtShare(1), 64_000_000)
  const sizes = Array.from({ length: 1_001 }, (_, index) => sizeAtShare(index / 1_000))
  t.same(
    sizes,
    sizes.toSorted((one, other) => one - other),
    'growing',
  )
  t.end()
})

t.test('sizes add up to the bytes asked for, and depend on the seed alone', t => {
  const options = { files: 2_000, bytes: 2 ** 30, seed: 7 }
  const sizes = treeSizes(options)
  t.equal(sizes.length, 2_000)
  t.equal(
    sizes.reduce((sum, size) => sum + size, 0),
    2 ** 30,
  )
  t.same(sizes, treeSizes(options))
  t.not(sizes.join(), treeSizes({ ...options, seed: 8 }).join())
  t.end()
})

t.test('the same seed writes the same tree', async t => {
  const root = t.testdir({ one: {}, two: {}, three: {} })
  const options = { files: 90, bytes: 3_000_000, seed: 1 }
  const written = fileTree(join(root, 'one'), options)
  fileTree(join(root, 'two'), options)
  fileTree(join(root, 'three'), { ...options, seed: 2 })
  const one = await readTree(join(root, 'one'))
  t.equal(one.size, 90)
  t.equal(new Set(one.values()).size, 90, 'no two files are alike')
  t.same(one, await readTree(join(root, 'two')))
  t.not([...one.values()].join(), [...(await readTree(join(root, 'three'))).values()].join())
  t.ok(written.every(each => statSync(join(root, 'one', each.path)).size === each.sizeBytes))
})
