import fc from 'fast-check'
import t from 'tap'
import type { RepoPath } from '../../core/ids.ts'
import type { Entry } from '../../manifest/model.ts'
import { type PathRecord, planPaths } from './plan.ts'

const path = (text: string): RepoPath => text as RepoPath
const file = (name: string, content: number): Entry => ({
  kind: 'file',
  path: path(name),
  content,
})
const held = (name: string, content: number | null, more = {}): PathRecord => ({
  kind: 'file',
  path: path(name),
  content,
  changed: false,
  retired: false,
  ...more,
})

t.test('what stands is kept, what is missing is placed, what is gone is retired', async t => {
  const entries: Entry[] = [
    file('a', 1),
    file('c', 3),
    { kind: 'link', path: path('d'), target: 'a' },
    file('e', 5),
  ]
  const records: PathRecord[] = [
    held('a', 1),
    held('b', 2),
    held('c', 2),
    { kind: 'link', path: path('d'), target: 'a', retired: true },
    held('z', 9),
  ]
  t.strictSame(
    [...planPaths(entries, records)],
    [
      { kind: 'keep', path: 'a', revive: false },
      { kind: 'retire', path: 'b' },
      { kind: 'file', path: 'c', content: 3 },
      { kind: 'keep', path: 'd', revive: true },
      { kind: 'file', path: 'e', content: 5 },
      { kind: 'retire', path: 'z' },
    ],
  )
})

t.test(
  'a file that somebody changed, or whose content is unknown now, is placed again',
  async t => {
    const steps = planPaths(
      [file('a', 1), file('b', 2), file('c', 3)],
      [
        held('a', 1, { changed: true }),
        held('b', null),
        { kind: 'link', path: path('c'), target: 'x', retired: false },
      ],
    )
    t.strictSame(
      [...steps].map(step => step.kind),
      ['file', 'file', 'file'],
    )
  },
)

t.test('carrying out any plan gives exactly the entries', async _t => {
  const names = fc.uniqueArray(fc.constantFrom(...'abcdefghij'), { maxLength: 10 })
  const contents = fc.integer({ min: 0, max: 3 })
  fc.assert(
    fc.property(names, names, fc.array(contents, { minLength: 20, maxLength: 20 }), (m, n, c) => {
      const entries = m.sort().map((name, index) => file(name, c[index] ?? 0))
      const records = n.sort().map((name, index) => held(name, c[19 - index] ?? 0))
      const tree = new Map(
        records.map(record => [record.path, (record as { content: number }).content]),
      )
      for (const step of planPaths(entries, records)) {
        if (step.kind === 'file') tree.set(step.path, step.content)
        if (step.kind === 'retire') tree.delete(step.path)
      }
      const wanted = entries.map(entry => [entry.path, (entry as { content: number }).content])
      return JSON.stringify([...tree].sort()) === JSON.stringify(wanted)
    }),
  )
})
