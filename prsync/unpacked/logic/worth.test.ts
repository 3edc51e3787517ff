import t from 'tap'
import { isWorthMaking, missingCost } from './worth.ts'

const shape = { textBytes: 4_000_000, tokenBytes: 300_000, frameBytes: 10_000 }
const packed = 1_000_000

t.test('missing text costs what it does in the file, and tokens nearly their bytes', async t => {
  t.equal(missingCost(shape, [], packed), 0)
  const text = missingCost(shape, [{ offset: 0, length: 400_000 }], packed)
  t.ok(text > 100_000 && text < 130_000)
  const tokens = missingCost(shape, [{ offset: 4_000_000, length: 100_000 }], packed)
  t.ok(tokens > 60_000 && tokens < 100_000)
  t.ok(missingCost(shape, [{ offset: 3_999_999, length: 2 }], packed) < 10)
})

t.test('a form is worth making if it saves a tenth', async t => {
  t.ok(isWorthMaking(shape, [{ offset: 0, length: 2_000_000 }], packed))
  t.notOk(isWorthMaking(shape, [{ offset: 0, length: 4_310_000 }], packed))
  t.notOk(isWorthMaking({ ...shape, textBytes: 0 }, [{ offset: 0, length: 310_000 }], 200_000))
})
