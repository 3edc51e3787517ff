// Counts a TAP report (https://testanything.org/tap-version-14-specification.html): every test point
// without points of its own counts once. A point that failed although all below it passed (a crash,
// a timeout, a wrong plan) counts as a failure too.

import { readFileSync } from 'node:fs'

const pointPattern = /^( *)(not )?ok\b(?: \d+)?(?: - )?(.*)$/

/** Lines without the YAML blocks, which may quote anything. */
const withoutDiagnostics = (text: string): string[] => {
  let end: string | null = null
  return text.split('\n').filter(line => {
    if (end !== null) {
      if (line.trimEnd() === end) end = null
      return false
    }
    const open = /^( +)---$/.exec(line)
    if (open === null) return true
    end = `${open[1]}...`
    return false
  })
}

export interface Tally {
  passed: number
  failed: number
  /** Skipped and todo tests, with their reasons. */
  readonly leftOut: string[]
  readonly failures: string[]
}

export const tally = (text: string): Tally => {
  const result: Tally = { passed: 0, failed: 0, leftOut: [], failures: [] }
  // Per depth: how many of the points there have failed since their parent began.
  const open: (number | undefined)[] = []
  for (const line of withoutDiagnostics(text)) {
    const match = pointPattern.exec(line)
    if (match === null) continue
    const [, indent = '', not, description = ''] = match
    const depth = indent.length / 4
    const below = open[depth + 1]
    open.length = depth + 1
    const name = description.replace(/ # time=.*$/, '').trim()
    const leftOut = / # (?:SKIP|TODO)\b/i.test(description)
    const newlyBad = not !== undefined && !leftOut && !below
    open[depth] = (open[depth] ?? 0) + (below ?? 0) + (newlyBad ? 1 : 0)
    if (leftOut) result.leftOut.push(name)
    else if (newlyBad) {
      result.failed++
      result.failures.push(name)
    } else if (not === undefined && below === undefined) result.passed++
  }
  return result
}

/** Print the tally of a report and set the exit status. */
const report = (file: string, status: number): void => {
  const text = readFileSync(file, 'utf8')
  const { passed, failed, leftOut, failures } = tally(text)
  const complete = /^# \{ total: /m.test(text)
  if (leftOut.length > 0) console.log(`\nskipped:\n${leftOut.map(name => `  ${name}`).join('\n')}`)
  if (failures.length > 0) console.log(`\nfailed:\n${failures.map(name => `  ${name}`).join('\n')}`)
  if (!complete) console.log('\nthe test run broke off')
  if (status !== 0) console.log(`\nnpm test ended with status ${status}`)
  // A run that broke off, ended badly or tested nothing has failed, whatever its points say.
  const broken = failed === 0 && (status !== 0 || !complete || passed === 0) ? 1 : 0
  console.log(`${passed} passed, ${failed + broken} failed`)
  process.exitCode = failed + broken === 0 ? 0 : 1
}

if (import.meta.main) report(process.argv[2] ?? '', Number(process.argv[3] ?? 0))
