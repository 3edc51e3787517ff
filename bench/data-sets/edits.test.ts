import fc from 'fast-check'
import t from 'tap'
import { noise } from '../../loadtest/sample/noise.ts'
import { editedParts } from './edits.ts'

t.test('the same seed makes the same edits, in about the share that was asked for', async t => {
  const original = noise('original', 2 ** 20)
  const options = { seed: 7, meanBytes: 256, share: 0.01 }
  const edited = Buffer.concat([...editedParts(original, options)])
  t.ok(edited.equals(Buffer.concat([...editedParts(original, options)])))
  t.notOk(edited.equals(original))
  const kept = [...editedParts(original, options)].filter(
    part => part.length > 0 && original.includes(part),
  )
  const keptBytes = kept.reduce((sum, part) => sum + part.length, 0)
  t.ok(keptBytes > 0.97 * original.length && keptBytes < original.length, `${keptBytes} bytes kept`)
})

t.test('any share of edits in any file ends, and no edit keeps the file as it is', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(
        fc.nat(5_000),
        fc.integer({ min: 1, max: 600 }),
        fc.nat(),
        (size, meanBytes, seed) => {
          const original = noise(`file ${seed}`, size)
          const none = Buffer.concat([...editedParts(original, { seed, meanBytes, share: 0 })])
          const many = Buffer.concat([...editedParts(original, { seed, meanBytes, share: 0.9 })])
          return none.equals(original) && many.length <= 4 * size + 1_200
        },
      ),
    ),
  )
})
