import { spawnSync } from 'node:child_process'
import t from 'tap'
import { collectStartGarbage } from './garbage.ts'

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

/** The most that V8's heap took, in MiB, of a program with 400,000 objects that are replaced over and over. */
const heapPeak = (first: string): number => {
  const script = `
    import { collectSooner } from ${JSON.stringify(new URL('./garbage.ts', import.meta.url).href)}
    ${first}
    const ring = Array.from({ length: 400_000 }, (_, at) => ({ at, more: [at] }))
    let peak = 0
    for (let step = 0; step < 6_000_000; step++) {
      ring[step % ring.length] = { at: step, more: [step] }
      if (step % 50_000 !== 0) continue
      await new Promise(setImmediate)
      peak = Math.max(peak, process.memoryUsage().heapTotal)
    }
    console.log(peak / 2 ** 20)
  `
  const options = [...process.execArgv, '--max-semi-space-size=2', '--input-type=module']
  const { stdout, stderr } = spawnSync(process.execPath, [...options, '--eval', script], {
    encoding: 'utf8',
  })
  if (stderr !== '') throw new Error(stderr)
  return Number.parseFloat(stdout)
}

t.test('old objects are collected sooner, by an option that this V8 knows', t => {
  const [by, sooner] = [heapPeak(''), heapPeak('collectSooner()')]
  t.ok(sooner < 0.8 * by, `${sooner.toFixed(0)} MiB at most; V8 by itself: ${by.toFixed(0)}`)
  t.end()
})
