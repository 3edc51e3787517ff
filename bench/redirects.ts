// Redirects per second on one processor, beside what a server can do that only says "302": ours with
// 100,000 files and 40 volunteers, and with 2.2 million files and 1,000 volunteers.
// Usage: node bench/redirects.ts [--seconds 5] [--rounds 3] [--only small|large] [--keep FOLDER]

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { formatSize } from '../core/units.ts'
import { waitUntil } from '../loadtest/deadline.ts'
import { temporaryFolder } from '../loadtest/leftovers.ts'
import { missing } from '../loadtest/programs.ts'
import { type SyntheticOptions, syntheticNetwork } from '../loadtest/synthetic-network.ts'
import { formatRatio, formatSeconds, print, printTable } from './figures.ts'
import {
  Load,
  type Measured,
  type PinnedServer,
  residentBytes,
  stopPinned,
} from './redirects-load.ts'
import { startBare, startNginx, startOrigin } from './redirects-servers.ts'

interface RedirectsOptions {
  readonly seconds: number
  readonly rounds: number
  readonly only: string | null
  /** Where the synthetic networks are kept from run to run; null: made anew, and removed. */
  readonly keep: string | null
}

interface Size extends SyntheticOptions {
  readonly name: string
  /** Of the redirects per second of the bare server, at least. */
  readonly aim: number
  /** Times the bare server's p99, both at half of their peak load; null: none. */
  readonly p99Aim: number | null
}

const sizes: readonly Size[] = [
  { name: 'small', files: 100_000, volunteers: 40, seed: 1, aim: 0.7, p99Aim: 2 },
  { name: 'large', files: 2_200_000, volunteers: 1_000, seed: 1, aim: 0.5, p99Aim: null },
]
const startAimMs = 3_000
const memoryAimBytes = 500_000_000
/** It looks each request up in Redis, which it fills from listings of real mirrors. */
const rivalsMissing =
  'not compared: mirrorbits (`go install` finds no module of it; it needs Redis and mirrors, too)'
const warmUpRequests = 300_000
const warmUpRounds = 12

interface Result {
  readonly name: string
  /** Answers for each second of processor time: what one processor does that does nothing else. */
  readonly perCpuSecond: number
  /** As the clock saw it, on this machine with whatever else it did. */
  readonly perSecond: number
  readonly p99Ms: number
  /** Of the time at half load, the part that the server waited for its processor. */
  readonly waited: number
  readonly errors: number
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** Whether files are found in memory, which an origin sees to once it serves; others have no such thing. */
const isReady = async ({ url }: PinnedServer): Promise<boolean> => {
  const text = await (await fetch(`${url}/-/metrics`, { redirect: 'manual' })).text()
  return !/^mirrorswarm_indexed_files 0$/m.test(text)
}

/** Until its code is compiled and its memory filled as it is when a server has run for some minutes. */
const warmUp = async (
  load: Load,
  server: PinnedServer,
  { seconds }: RedirectsOptions,
): Promise<void> => {
  await waitUntil('the index', () => isReady(server), { timeoutMs: 120_000, everyMs: 500 })
  let requests = 0
  for (let round = 0; round < warmUpRounds && requests < warmUpRequests; round++) {
    requests += (await load.full(server, seconds)).requests
  }
}

/** Rounds over all servers in turn, so that a busy moment of the machine hits all alike. */
const measure = async (
  load: Load,
  servers: readonly PinnedServer[],
  options: RedirectsOptions,
): Promise<Result[]> => {
  const { seconds, rounds } = options
  const full = new Map<PinnedServer, Measured[]>()
  const half = new Map<PinnedServer, Measured[]>()
  for (const server of servers) await warmUp(load, server, options)
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) {
      full.set(server, [...(full.get(server) ?? []), await load.full(server, seconds)])
    }
  }
  const rateOf = (server: PinnedServer): number =>
    median((full.get(server) ?? []).map(each => each.requests / each.seconds))
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) {
      const some = await load.atRate(server, seconds, rateOf(server) / 2)
      half.set(server, [...(half.get(server) ?? []), some])
    }
  }
  return servers.map(server => {
    const all = full.get(server) ?? []
    return {
      name: server.name,
      perCpuSecond: median(all.map(each => each.requests / each.cpuSeconds)),
      perSecond: rateOf(server),
      p99Ms: median((half.get(server) ?? []).map(each => each.p99Ms)),
      waited: median((half.get(server) ?? []).map(each => each.waitedSeconds / each.seconds)),
      errors: [...all, ...(half.get(server) ?? [])].reduce((sum, each) => sum + each.errors, 0),
    }
  })
}

/** How many requests the origin answered otherwise than by a redirect. */
const notRedirected = async ({ url }: PinnedServer): Promise<number> => {
  const text = await (await fetch(`${url}/-/metrics`)).text()
  const lines = text.matchAll(/^mirrorswarm_requests_total\{outcome="(?!redirect")[^"]*"\} (\d+)/gm)
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0)
}

const row = (result: Result, bare: Result): string[] => [
  result.name,
  Math.round(result.perCpuSecond).toLocaleString('en'),
  formatRatio(result.perCpuSecond / bare.perCpuSecond),
  Math.round(result.perSecond).toLocaleString('en'),
  `${result.p99Ms.toFixed(1)} ms`,
  formatRatio(result.p99Ms / bare.p99Ms),
  `${Math.round(100 * result.waited)} %`,
  String(result.errors),
]

const judge = (what: string, reached: string, aim: string, kept: boolean): boolean => {
  print(`${kept ? 'pass' : 'FAIL'}: ${what}: ${reached} (aim: ${aim})`)
  return kept
}

const benchSize = async (
  size: Size,
  folder: string,
  options: RedirectsOptions,
): Promise<boolean> => {
  const { name, files, volunteers, seed } = size
  const place = join(options.keep ?? folder, name)
  mkdirSync(place, { recursive: true })
  const network = await syntheticNetwork(place, { files, volunteers, seed })
  const servers: PinnedServer[] = []
  try {
    const bareServer = await startBare()
    servers.push(bareServer)
    const nginx = await startNginx(folder)
    if (nginx !== null) servers.push(nginx)
    const { server, startMs } = await startOrigin(network)
    servers.push(server)
    const idleBytes = residentBytes(server.group)
    const results = await measure(new Load(folder, files), servers, options)
    const [bare] = results
    const ours = results.at(-1)
    if (bare === undefined || ours === undefined) throw new Error('nothing was measured')
    printTable(
      ['', 'per CPU second', '÷ bare', 'per second', 'p99 at half', '÷ bare', 'waited', 'errors'],
      results.map(result => row(result, bare)),
    )
    print('waited: of the time at half load, while other threads had the processor')
    print(rivalsMissing)
    const memory = server.group.peakResidentBytes()
    const others = await notRedirected(server)
    print(
      `answers that were no redirect: ${others}; resident once started: ${formatSize(idleBytes)}`,
    )
    const ratio = ours.perCpuSecond / bare.perCpuSecond
    const slower = ours.p99Ms / bare.p99Ms
    const verdicts = [
      judge(
        'redirects on one processor ÷ bare',
        formatRatio(ratio),
        formatRatio(size.aim),
        ratio >= size.aim,
      ),
      judge('start', formatSeconds(startMs), formatSeconds(startAimMs), startMs <= startAimMs),
      judge(
        'peak memory',
        formatSize(memory),
        formatSize(memoryAimBytes),
        memory <= memoryAimBytes,
      ),
      size.p99Aim === null ||
        judge(
          'p99 at half load ÷ bare',
          formatRatio(slower),
          formatRatio(size.p99Aim),
          slower <= size.p99Aim,
        ),
    ]
    return !verdicts.includes(false)
  } finally {
    await Promise.all(servers.map(stopPinned))
  }
}

/** Run the bench and print its tables; false if an aim was missed. */
export const benchRedirects = async (options: RedirectsOptions): Promise<boolean> => {
  const lacking = missing('wrk', 'taskset')
  if (lacking !== false) {
    print(`skipped: ${lacking}`)
    return true
  }
  const verdicts: boolean[] = []
  for (const size of sizes) {
    if (options.only !== null && options.only !== size.name) continue
    const temporary = temporaryFolder('redirects')
    try {
      print(`\nRedirects: ${size.files} files, ${size.volunteers} volunteers`)
      verdicts.push(await benchSize(size, temporary.path, options))
    } finally {
      temporary.remove()
    }
  }
  return !verdicts.includes(false)
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '5' },
      rounds: { type: 'string', default: '3' },
      only: { type: 'string' },
      keep: { type: 'string' },
    },
  })
  const kept = await benchRedirects({
    seconds: Number(values.seconds),
    rounds: Number(values.rounds),
    only: values.only ?? null,
    keep: values.keep ?? null,
  })
  if (!kept) process.exitCode = 1
}
