// A real k6 as a child process: one script with its environment, its counters read once a second by
// k6's own interface, its thresholds and sums at the end.

import { existsSync, readFileSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../ports.ts'
import { ProcessGroup } from '../process-group.ts'
import { findExecutable, plainEnvironment } from '../programs.ts'

const scriptsFolder = fileURLToPath(new URL('../k6/', import.meta.url))
const sampleEveryMs = 1_000
/** A k6 that is so late is asked anew. */
const answerTimeoutMs = 10_000

/** k6 in PATH, or where `go install` puts it; null when it is nowhere. */
export const findK6 = (): string | null =>
  findExecutable('k6', join(process.env.GOPATH ?? join(homedir(), 'go'), 'bin'))

/** Why load tests cannot run here, or false: made for tap's `skip`. */
export const missingK6 = (): string | false =>
  findK6() === null && 'k6 missing: go install go.k6.io/k6@latest, or a package of k6'

/** Sums since the start, by k6's names; trends are left out. */
export type Counts = Readonly<Record<string, number>>

export interface Sample {
  readonly atMs: number
  readonly counts: Counts
}

export interface TrendSummary {
  readonly med: number
  readonly 'p(95)': number
  readonly max: number
}

/** What k6 was held to. */
export interface Threshold {
  /** As k6 writes it: `metric: expression`. */
  readonly text: string
  readonly held: boolean
}

export interface K6Result {
  readonly thresholds: readonly Threshold[]
  readonly counts: Counts
  readonly trends: Readonly<Record<string, TrendSummary>>
  readonly samples: readonly Sample[]
  readonly status: number | null
  readonly output: string
  /** When the first user had begun; k6 makes all of them first, which takes seconds for thousands. */
  readonly usersSinceMs: number | null
}

export interface K6Options {
  /** `flash-crowd` for loadtest/k6/flash-crowd.ts. */
  readonly script: string
  readonly environment: Readonly<Record<string, string>>
  /** `127.8.0.0/21`: users get these addresses one after the other; null: all have one. */
  readonly localIps: string | null
  /** Where the summary and k6's own report are written: a prefix of file names. */
  readonly outputPrefix: string
  readonly timeoutMs: number
}

interface SummaryMetric {
  readonly count?: number
  readonly med?: number
  readonly 'p(95)'?: number
  readonly max?: number
  /** true: it was crossed. */
  readonly thresholds?: Readonly<Record<string, boolean>>
}

/** Read the file of `--summary-export`; throws when k6 wrote none. */
export const readSummary = (text: string): Pick<K6Result, 'thresholds' | 'counts' | 'trends'> => {
  const { metrics } = JSON.parse(text) as { metrics: Record<string, SummaryMetric> }
  const thresholds: Threshold[] = []
  const counts: Record<string, number> = {}
  const trends: Record<string, TrendSummary> = {}
  for (const [name, metric] of Object.entries(metrics)) {
    for (const [expression, failed] of Object.entries(metric.thresholds ?? {})) {
      thresholds.push({ text: `${name}: ${expression}`, held: !failed })
    }
    if (metric.count !== undefined) counts[name] = metric.count
    const { med, max, 'p(95)': p95 } = metric
    if (med !== undefined && max !== undefined && p95 !== undefined) {
      trends[name] = { med, max, 'p(95)': p95 }
    }
  }
  return { thresholds, counts, trends }
}

/** Nothing at all when k6 came to an end without writing it: its status and output tell why. */
const summaryIn = (file: string): ReturnType<typeof readSummary> => {
  if (!existsSync(file)) return { thresholds: [], counts: {}, trends: {} }
  return readSummary(readFileSync(file, 'utf8'))
}

interface LiveMetric {
  readonly id: string
  readonly attributes: { readonly sample: { readonly count?: number } }
}

const readCounts = async (address: string): Promise<Counts | null> => {
  try {
    const signal = AbortSignal.timeout(answerTimeoutMs)
    const answer = await fetch(`http://${address}/v1/metrics`, { signal })
    const { data } = (await answer.json()) as { data: LiveMetric[] }
    return Object.fromEntries(data.map(({ id, attributes }) => [id, attributes.sample.count ?? 0]))
  } catch {
    // Not there yet, or no more.
    return null
  }
}

const argumentsOf = (options: K6Options, address: string): string[] => [
  'run',
  ...['--quiet', '--no-color', '--no-usage-report', '--address', address],
  // Samples of users by the hundred thousand: what k6 keeps of each is only what is used.
  ...['--system-tags', 'name,status,scenario'],
  ...['--summary-export', `${options.outputPrefix}.json`],
  ...(options.localIps === null ? [] : ['--local-ips', options.localIps]),
  join(scriptsFolder, `${options.script}.ts`),
]

/** Run a script to its end. What `onSample` does while it runs is not waited for. */
export const runK6 = async (
  options: K6Options,
  onSample: (elapsedMs: number) => void = () => undefined,
): Promise<K6Result> => {
  const program = findK6()
  if (program === null) throw new Error(String(missingK6()))
  // That of an earlier run must not be taken for this one's.
  rmSync(`${options.outputPrefix}.json`, { force: true })
  const address = `127.0.0.1:${await freePort()}`
  const group = new ProcessGroup(program, argumentsOf(options, address), {
    env: plainEnvironment({
      ...options.environment,
      K6_WEB_DASHBOARD: 'true',
      K6_WEB_DASHBOARD_PORT: '-1',
      K6_WEB_DASHBOARD_PERIOD: '1s',
      K6_WEB_DASHBOARD_EXPORT: `${options.outputPrefix}.k6.html`,
    }),
  })
  const samples: Sample[] = []
  let usersSinceMs: number | null = null
  let asking = false
  const timer = setInterval(async () => {
    // A k6 under load answers late: questions that pile up would all get the same moment's counts.
    if (asking) return
    asking = true
    const counts = await readCounts(address)
    asking = false
    const atMs = performance.now()
    if (counts === null) return
    if ((counts.downloads ?? counts.refusals ?? 0) > 0) usersSinceMs ??= atMs
    // What came in a moment between two answers says nothing about a second.
    if (atMs - (samples.at(-1)?.atMs ?? 0) > sampleEveryMs / 2) samples.push({ atMs, counts })
    if (usersSinceMs !== null) onSample(atMs - usersSinceMs)
  }, sampleEveryMs)
  const kill = setTimeout(() => group.signal('SIGKILL'), options.timeoutMs)
  try {
    const { status } = await group.exited
    const output = `${group.stdout}${group.stderr}`
    return { ...summaryIn(`${options.outputPrefix}.json`), samples, status, output, usersSinceMs }
  } finally {
    clearInterval(timer)
    clearTimeout(kill)
    group.signal('SIGKILL')
  }
}
