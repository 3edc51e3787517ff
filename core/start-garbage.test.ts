import t from 'tap'
import { collectStartGarbage } from './start-garbage.ts'

t.test('garbage is collected where there is much of it, and nobody else can do so', t => {
  t.equal(collectStartGarbage(Number.MAX_SAFE_INTEGER), false)
  const left = new WeakRef(new Uint8Array(1 << 20))
  t.ok(left.deref())
  setImmediate(() => {
    t.equal(collectStartGarbage(0), true)
    t.equal(left.deref(), undefined)
    t.notOk('gc' in globalThis)
    t.end()
  })
})
