// Real clients and volunteers that fail: what heals by itself, what at the user's next try. The table
// stands in docs/CLIENTS.md; MIRRORSWARM_CLIENTS_TABLE=write (npm run clients-table) writes it anew.

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import {
  findProgram,
  missing,
  plainEnvironment,
  run,
  unusableAsRoot,
} from '../../loadtest/programs.ts'
import { hostsFile } from './lane.ts'
import {
  type Cell,
  columns,
  isAtLeast,
  type Outcome,
  outcomes,
  readTable,
  renderTable,
  withTable,
} from './outcomes.ts'
import { rows } from './rows.ts'

t.setTimeout(600_000)

const document = join(dirname(dirname(import.meta.dirname)), 'docs/CLIENTS.md')
const program = join(import.meta.dirname, 'run-matrix.ts')
const writes = process.env.MIRRORSWARM_CLIENTS_TABLE === 'write'

/** Whether a process may have an /etc/hosts of its own here. */
const mayBindHosts = (): boolean =>
  findProgram('unshare') !== null &&
  spawnSync('unshare', ['-m', 'mount', '--bind', '/etc/hosts', '/etc/hosts']).status === 0

const runMatrix = async (folder: string, limits: readonly string[]): Promise<Cell[]> => {
  const hosts = join(folder, 'hosts')
  writeFileSync(hosts, hostsFile)
  const script = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'
  const command = [process.execPath, program, ...limits]
  const [name = '', ...args] = mayBindHosts()
    ? ['unshare', '-m', 'sh', '-c', script, 'sh', hosts, ...command]
    : command
  const result = await run(name, args, { env: plainEnvironment(), timeoutMs: 500_000 })
  if (result.status !== 0)
    throw new Error(`the matrix ended with ${result.status}: ${result.stderr}`)
  return result.stdout
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as Cell)
}

const isOutcome = (text: string | undefined): text is Outcome =>
  outcomes.some(outcome => outcome === text)

/** Cells that may be as bad as this whatever the document says; null: the document decides. */
const leastOf = ({ row, column }: Cell): Outcome => {
  if (column === 'healthy') return 'served'
  if (column === 'interrupted') return 'starts over'
  return row === 'dnf' ? 'itself' : 'check, next try'
}

t.test(
  'real clients get their files although a volunteer fails',
  { skip: missing('curl', 'sha256sum') },
  async t => {
    const folder = t.testdir({})
    const text = readFileSync(document, 'utf8')
    const promised = readTable(text)
    const promiseOf = ({ row, column }: Cell): Outcome | null => {
      const said = promised.get(`${row}\n${column}`)
      return isOutcome(said) ? said : null
    }
    const isKept = (cell: Cell): boolean =>
      isAtLeast(cell.outcome, leastOf(cell)) &&
      (writes || isAtLeast(cell.outcome, promiseOf(cell) ?? 'failed'))
    let cells = await runMatrix(folder, [])
    // A machine that was too slow once gets another chance.
    for (const cell of cells.filter(each => !isKept(each))) {
      const [again] = await runMatrix(folder, [cell.row, cell.column])
      if (again !== undefined) cells = cells.map(each => (each === cell ? again : each))
    }
    if (writes) {
      const names = rows.map(({ name }) => name)
      writeFileSync(document, withTable(text, renderTable(names, cells, promised)))
    }
    for (const row of rows) {
      const skip = row.skip()
      const own = cells.filter(cell => cell.row === row.name)
      // Rescue names need the hosts file, which only the program inside has.
      const reason = skip === false ? unusableAsRoot() : skip
      if (own.length === 0 && reason !== false) {
        await t.test(row.name, { skip: reason }, async () => undefined)
        continue
      }
      await t.test(`${row.name} keeps what docs/CLIENTS.md says`, async t => {
        t.same(own.map(({ column }) => column).sort(), [...columns].sort(), 'every cell was run')
        for (const cell of own) {
          const { column, outcome, seconds } = cell
          t.ok(isKept(cell), `${column}: ${outcome} (${seconds.toFixed(1)} s)`, {
            promised: promiseOf(cell),
            details: cell.details,
          })
        }
      })
    }
  },
)
