import fc from 'fast-check'
import t from 'tap'
import { pooledBufferBytes, pooledBytes } from '../core/limits.ts'
import { BufferPool } from './buffer-pool.ts'

t.test('a buffer that was given back is used again, whole for its length', async t => {
  const pool = new BufferPool()
  const first = pool.take(100_000)
  t.equal(first.length, 100_000)
  pool.give(first.subarray(5, 9))
  t.ok(pool.freeBytes >= 100_000)
  const again = pool.take(99_000)
  t.equal(again.buffer, first.buffer)
  t.equal(again.byteOffset, 0)
  t.equal(again.length, 99_000)
  t.equal(pool.freeBytes, 0)
  t.not(pool.take(100_000).buffer, first.buffer, 'nobody gave that one')
})

t.test('what is kept is bounded, and no two have the same memory', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: pooledBufferBytes + 1000 }), { maxLength: 60 })
  fc.assert(
    fc.property(sizes, sizes, (lengths, more) => {
      const pool = new BufferPool()
      for (const data of lengths.map(length => pool.take(length))) pool.give(data)
      if (pool.freeBytes > pooledBytes) return false
      const taken = more.map(length => pool.take(length))
      if (taken.some((data, k) => data.length !== more[k])) return false
      return new Set(taken.map(({ buffer }) => buffer)).size === taken.length
    }),
    { numRuns: 30 },
  )
})
