// Holds the sources against the architecture: arrows, purity, sizes, form, and the table of errors
// against the documentation.

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { errorTable } from '../core/errors.ts'
import { arrowProblems, formProblems, purityProblems, sizeProblems } from './tidy/rules.ts'
import { parseSource, readSources, type SourceFile } from './tidy/source-file.ts'

const root = dirname(import.meta.dirname)
const sources = readSources(root)
const byPath = new Map(sources.map(source => [source.path, source]))

const everywhere = (rule: (file: SourceFile) => string[]): string[] => sources.flatMap(rule)

t.test('the sources keep the rules', async t => {
  t.ok(sources.length > 20, `${sources.length} files read`)
  t.same(everywhere(arrowProblems), [], 'imports follow the arrows')
  t.same(
    everywhere(file => purityProblems(file, byPath)),
    [],
    'decisions are pure',
  )
  t.same(everywhere(sizeProblems), [], 'files and functions are small')
  t.same(everywhere(formProblems), [], 'names, opening comments and exports')
})

t.test('the error codes of docs/PROTOCOL.md are those of core/errors.ts', async t => {
  const document = readFileSync(join(root, 'docs/PROTOCOL.md'), 'utf8')
  const section = document.split(/^## /m).find(part => part.startsWith('Error codes\n')) ?? ''
  const rows = section.split('\n').filter(line => line.startsWith('| `MS_'))
  const expected = Object.entries(errorTable).map(
    ([code, { status, retryable, hint }]) =>
      `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${hint} |`,
  )
  t.same(rows, expected, 'same rows in the same order')
})

const neighbours = new Map(
  [
    parseSource('core/limits.ts', 'export const volunteers = 1'),
    parseSource('core/log.ts', "import { pino } from 'pino'"),
    parseSource('tracker/tracker.ts', 'export const now = Date.now()'),
    parseSource('tracker/messages.ts', "import { volunteers } from '../core/limits.ts'"),
    parseSource('tracker/board.ts', "import { now } from './tracker.ts'"),
    parseSource('tracker/logic/step.ts', "import { step } from './a.ts'"),
  ].map(source => [source.path, source]),
)

const problemsOf = (path: string, text: string): string[] => {
  const file = parseSource(path, `// What it is for.\n${text}`)
  const sources = new Map([...neighbours, [path, file]])
  const pure = purityProblems(file, sources)
  return [...pure, ...[arrowProblems, sizeProblems, formProblems].flatMap(rule => rule(file))]
}

t.test('an arrow that points the wrong way is found', async t => {
  for (const [path, text] of [
    ['core/a.ts', "import { x } from '../manifest/b.ts'\n"],
    ['core/a.ts', "import type { X } from '../manifest/b.ts'\n"],
    ['core/a.ts', "export const x: import('../manifest/b.ts').X = 1\n"],
    ['core/a.ts', "export { x } from '../tracker/b.ts'\nexport const y = 1\n"],
    ['delivery/a.ts', "import '../prsync/b.ts'\n"],
    ['prsync/logic/a.ts', "import type { X } from '../../delivery/b.ts'\n"],
    ['origin/a.ts', "const b = await import('../volunteer/b.ts')\n"],
    ['volunteer/a.ts', "import { type X, y } from '../origin/b.ts'\n"],
    ['origin/a.ts', "import { x } from '../test/b.ts'\n"],
    ['origin/a.ts', "import t from 'tap'\n"],
    ['origin/a.ts', "import { x } from './b.test.ts'\n"],
    ['origin/a.ts', "import { x } from './fixtures/b.ts'\n"],
    ['origin/a.ts', "import { x } from './test-b.ts'\n"],
    ['extra/a.ts', 'export const x = 1\n'],
  ] as const) {
    t.equal(problemsOf(path, text).length, 1, `${path}: ${text.trim()}`)
  }
})

t.test('an arrow that points the right way is left alone', async t => {
  for (const [path, text] of [
    ['manifest/a.ts', "import { x } from '../core/b.ts'\n"],
    ['cli/commands/a.ts', "const b = await import('../../volunteer/b.ts')\n"],
    ['core/a.test.ts', "import { x } from '../cli/b.ts'\nimport t from 'tap'\n"],
    ['manifest/bench/a.ts', "import { x } from '../../cli/b.ts'\n"],
    ['core/a.ts', 'export const text = "import x from \'../cli/b.ts\'"\n'],
    ['core/a.ts', "// import type { X } from '../cli/b.ts'\nexport const x = 1\n"],
  ] as const) {
    t.same(problemsOf(path, text), [], `${path}: ${text.trim()}`)
  }
})

t.test('a decision that reads or does something is found', async t => {
  for (const text of [
    "import { readFileSync } from 'node:fs'\n",
    "import { request } from 'undici'\n",
    "import { createLogger } from '../../core/log.ts'\n",
    "import { now } from '../tracker.ts'\n",
    "import { now } from '../board.ts'\n",
    "import { type Tracker } from '../tracker.ts'\n",
    'export const now = () => Date.now()\n',
    'export const now = () => new Date()\n',
    'export const toss = () => Math.random()\n',
    'export const home = () => process.env.HOME\n',
    'export const say = () => console.log(1)\n',
    'export const get = () => fetch("http://x")\n',
    'export const later = (f: () => void) => setTimeout(f, 1)\n',
    "export const load = () => import('./step.ts')\n",
  ]) {
    t.equal(problemsOf('tracker/logic/a.ts', text).length, 1, text.trim())
  }
})

t.test('a decision on values is left alone', async t => {
  for (const text of [
    "import type { Tracker } from '../tracker.ts'\n",
    "import assert from 'node:assert'\n",
    "import { volunteers } from '../../core/limits.ts'\n",
    "import { step } from './step.ts'\n",
    "import { check } from '../messages.ts'\n",
    'export const day = (nowMs: number) => new Date(nowMs).toISOString()\n',
    'export const pick = (list: string[], random: () => number) => list[Math.floor(random())]\n',
    'export const next = (process: (n: number) => number) => process(1)\n',
    'export const kind = (x: { fetch: number }) => x.fetch\n',
  ]) {
    t.same(problemsOf('tracker/logic/a.ts', text), [], text.trim())
  }
  t.same(problemsOf('tracker/logic/a.test.ts', 'export const n = Date.now()\n'), [])
})

t.test('size and form are held', async t => {
  const long = `export const f = () => {\n${'  f()\n'.repeat(69)}}\n`
  t.match(problemsOf('core/a.ts', long), [/71 lines/])
  t.same(problemsOf('core/a.ts', long.replace('  f()\n', '')), [])
  t.same(problemsOf('core/a.test.ts', long), [])
  t.match(problemsOf('core/a.ts', 'f()\n'.repeat(400)), [/401 lines/])
  t.match(problemsOf('core/a.ts', 'export default 1\n'), [/default export/])
  t.match(problemsOf('core/a.ts', "export * from './b.ts'\n"), [/barrel/])
  t.match(problemsOf('core/a.ts', "export { b } from './b.ts'\n"), [/barrel/])
  t.match(problemsOf('core/index.ts', 'export const x = 1\n'), [/barrel/])
  t.match(problemsOf('core/utils/a.ts', 'export const x = 1\n'), [/utils/])
  t.match(problemsOf('core/someName.ts', 'export const x = 1\n'), [/kebab/])
  t.match(formProblems(parseSource('core/a.ts', 'export const x = 1\n')), [/opens with/])
})
