import fc from 'fast-check'
import t from 'tap'
import type { RepoPath, Sha256 } from '../../core/ids.ts'
import type { FileContent } from '../../manifest/model.ts'
import { fitsPathTable, PathTable, pathTableBytes, pathTableMemory } from './path-table.ts'

const key = { low: 7, high: -9 }

const contentOf = (number: number): FileContent => ({
  number,
  sha256: number.toString(16).padStart(64, '0') as Sha256,
  sizeBytes: number * 1_000_003,
  modifiedSeconds: -number,
})

t.test('what was added is found as it was, and nothing else', t => {
  const paths = fc.uniqueArray(fc.string({ unit: 'grapheme-ascii', maxLength: 9 }), {
    maxLength: 40,
  })
  fc.assert(
    fc.property(paths, paths, fc.integer(), fc.integer(), (added, others, low, high) => {
      const memory = pathTableMemory(3, { low, high }, added.length)
      const table = new PathTable(memory)
      for (const [number, path] of added.entries()) {
        t.equal(table.add(path as RepoPath, contentOf(number)), true)
      }
      const moved = new PathTable(structuredClone(memory))
      for (const path of [...added, ...others]) {
        const number = added.indexOf(path)
        const wanted = number < 0 ? null : contentOf(number)
        t.strictSame(moved.find(path as RepoPath), wanted)
      }
      t.equal(table.rows, added.length)
    }),
    { numRuns: 30 },
  )
  t.end()
})

t.test('sizes and times come back whole, and what does not fit is refused', t => {
  const most = 2 ** 39
  const numbers = [
    0,
    1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 32 + 1,
    most - 1,
    -1,
    -(2 ** 32),
    -most,
  ]
  const others = [most, -most - 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]
  for (const value of [...numbers, ...others]) {
    const table = new PathTable(pathTableMemory(1, key, 1))
    const content = { ...contentOf(1), sizeBytes: Math.abs(value), modifiedSeconds: value }
    const fits = numbers.includes(value) && Math.abs(value) < most
    t.equal(fitsPathTable(content), fits, String(value))
    t.equal(table.add('a' as RepoPath, content), fits)
    t.strictSame(table.find('a' as RepoPath), fits ? content : null)
  }
  t.end()
})

t.test('there is room for as many as were named, and none twice', t => {
  const table = new PathTable(pathTableMemory(1, key, 2))
  t.equal(table.find('a' as RepoPath), null)
  t.equal(table.add('a' as RepoPath, contentOf(1)), true)
  t.equal(table.add('a' as RepoPath, contentOf(2)), false)
  t.equal(table.add('b' as RepoPath, contentOf(2)), true)
  t.equal(table.add('c' as RepoPath, contentOf(3)), false)
  t.equal(table.find('a' as RepoPath)?.number, 1)
  t.equal(table.find('c' as RepoPath), null)
  t.equal(new PathTable(pathTableMemory(1, key, 0)).find('a' as RepoPath), null)
  t.end()
})

t.test('many files are found, and take little memory', t => {
  const files = 20_000
  const memory = pathTableMemory(1, key, files)
  const table = new PathTable(memory)
  const pathOf = (index: number) =>
    `pool/main/p/package-${index >> 4}/file-${index}.deb` as RepoPath
  for (let index = 0; index < files; index++) table.add(pathOf(index), contentOf(index))
  for (let index = 0; index < files; index += 97) {
    t.equal(table.find(pathOf(index))?.number, index)
    t.equal(table.find(pathOf(index + files)), null)
  }
  const { slots, checks, numbers, hashes, lows, highs } = memory
  const parts = [slots, checks, numbers, hashes, lows, highs]
  const bytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0)
  t.equal(bytes, pathTableBytes(files))
  t.ok(bytes / files <= 61)
  t.end()
})
