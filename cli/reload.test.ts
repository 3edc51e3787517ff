import t from 'tap'
import { silentLogger } from '../core/log.ts'
import type { OptionTable, Values } from './option-spec.ts'
import { compareOptions, Reloader } from './reload.ts'
import { UsageError } from './usage-error.ts'

const table = {
  publicUrl: { kind: 'url', help: 'x' },
  uploadLimit: { kind: 'rate', reloads: true, help: 'x' },
  network: { kind: 'list', reloads: true, help: 'x' },
} as const satisfies OptionTable
type Options = Values<typeof table>

const before: Options = { publicUrl: null, uploadLimit: null, network: ['10.0.0.0/8'] }

t.test('what changed is told apart, and only what is taken is', async t => {
  const now: Options = { publicUrl: 'http://a', uploadLimit: 5, network: ['10.0.0.0/8'] }
  t.strictSame(compareOptions(table, before, now), {
    values: { ...before, uploadLimit: 5 },
    taken: ['upload-limit'],
    needRestart: ['public-url'],
  })
  t.strictSame(compareOptions(table, before, { ...before, network: ['10.0.0.0/8'] }), {
    values: before,
    taken: [],
    needRestart: [],
  })
})

/** A reloader whose configuration the test writes, and what it did. */
const tried = (): {
  reloader: Reloader<typeof table>
  lines: unknown[]
  applied: Options[]
  set: (next: Options | Error) => void
} => {
  const lines: unknown[] = []
  const applied: Options[] = []
  let next: Options | Error = before
  const write = (fields: object, message: string): void => void lines.push({ ...fields, message })
  const reloader = new Reloader(
    {
      table,
      reread: async () => {
        if (next instanceof Error) throw next
        return next
      },
      check: values => {
        if (values.publicUrl === 'http://bad') throw new UsageError('--public-url: no')
      },
      apply: values => {
        if (values.uploadLimit === 13) throw new UsageError('13 does not go with the rest')
        applied.push(values)
      },
      logger: { ...silentLogger, info: write, warn: write, error: write },
    },
    before,
  )
  return {
    ...{ reloader, lines, applied },
    set: (value: Options | Error) => {
      next = value
    },
  }
}

t.test('what waits for a restart is named each time, what was taken once', async t => {
  const { reloader, lines, applied, set } = tried()
  const changed: Options = { publicUrl: 'http://a', uploadLimit: 5, network: [] }
  set(changed)
  await reloader.reload()
  await reloader.reload()
  const needRestart = ['public-url']
  t.strictSame(lines, [
    { taken: ['upload-limit', 'network'], needRestart, message: 'reloaded' },
    { taken: [], needRestart, message: 'reloaded' },
  ])
  t.strictSame(applied[1], { ...changed, publicUrl: null })
})

t.test('what is wrong changes nothing and is said in one line', async t => {
  const { reloader, lines, applied, set } = tried()
  const message = 'not reloaded, nothing has changed'
  for (const [next, error] of [
    [new UsageError('x.yaml:3: there is no option "up"'), 'x.yaml:3: there is no option "up"'],
    [{ ...before, publicUrl: 'http://bad', uploadLimit: 7 }, '--public-url: no'],
    [{ ...before, uploadLimit: 13 }, '13 does not go with the rest'],
  ] as const) {
    set(next)
    await reloader.reload()
    t.match(lines.at(-1), { error, message })
  }
  t.strictSame(applied, [])
  set({ ...before, uploadLimit: 8 })
  await reloader.reload()
  t.match(lines.at(-1), { taken: ['upload-limit'] }, 'compared with what it works by')
})

t.test('many signals in a row are one reload after that which runs', async t => {
  const { reloader, lines } = tried()
  await Promise.all([reloader.reload(), reloader.reload(), reloader.reload()])
  t.equal(lines.length, 1)
})
