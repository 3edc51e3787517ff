// What worker threads take off the thread that decides: redirects for each second of processor time of
// the busiest thread, which is what bounds an origin with processors enough, and of all threads
// together, with one thread and with several.
// Usage: node bench/workers.ts [--seconds 4] [--rounds 3] [--workers 2] [--processors 0-1] [--keep FOLDER]

import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { temporaryFolder } from '../loadtest/leftovers.ts'
import { missing } from '../loadtest/programs.ts'
import { syntheticNetwork } from '../loadtest/synthetic-network.ts'
import { formatRatio, print, printTable } from './figures.ts'
import { Load, type PinnedServer, stopPinned } from './redirects-load.ts'
import { startOrigin } from './redirects-servers.ts'

const size = { files: 100_000, volunteers: 40, seed: 1 }
const ticksPerSecond = 100

interface Sample {
  readonly perSecond: number
  readonly perBusiest: number
  readonly perAll: number
  readonly errors: number
}

/** Processor seconds of each thread of a server. */
const threadSeconds = ({ group }: PinnedServer): Map<string, number> => {
  const seconds = new Map<string, number>()
  for (const pid of group.processes()) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      seconds.set(thread, (Number(fields[11]) + Number(fields[12])) / ticksPerSecond)
    }
  }
  return seconds
}

const sample = async (load: Load, server: PinnedServer, seconds: number): Promise<Sample> => {
  const before = threadSeconds(server)
  const { requests, seconds: took, errors } = await load.full(server, seconds)
  const spent = [...threadSeconds(server)].map(([id, now]) => now - (before.get(id) ?? 0))
  return {
    perSecond: requests / took,
    perBusiest: requests / Math.max(...spent),
    perAll: requests / spent.reduce((sum, each) => sum + each, 0),
    errors,
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

interface Options {
  readonly seconds: number
  readonly rounds: number
  readonly workers: number
  readonly keep: string | null
  /** As taskset names them; the load has one of them, too. */
  readonly processors: string
}

const runOne = async (
  folder: string,
  args: readonly string[],
  { seconds, rounds, keep, processors }: Options,
): Promise<Sample> => {
  const place = join(keep ?? folder, 'small')
  mkdirSync(place, { recursive: true })
  const network = await syntheticNetwork(place, size)
  const { server } = await startOrigin(network, [], { args, processors })
  try {
    const load = new Load(folder, size.files)
    for (let round = 0; round < rounds; round++) await load.full(server, seconds)
    const samples: Sample[] = []
    for (let round = 0; round < rounds; round++) samples.push(await sample(load, server, seconds))
    const of = (pick: (sample: Sample) => number): number => median(samples.map(pick))
    return {
      perSecond: of(each => each.perSecond),
      perBusiest: of(each => each.perBusiest),
      perAll: of(each => each.perAll),
      errors: samples.reduce((sum, each) => sum + each.errors, 0),
    }
  } finally {
    await stopPinned(server)
  }
}

/** Run it and print a table; it has no aims. */
export const benchWorkers = async (options: Options): Promise<void> => {
  const lacking = missing('wrk', 'taskset')
  if (lacking !== false) {
    print(`skipped: ${lacking}`)
    return
  }
  const temporary = temporaryFolder('workers')
  try {
    const rows: string[][] = []
    const one = await runOne(temporary.path, [], options)
    const several = await runOne(temporary.path, ['--workers', String(options.workers)], options)
    for (const [label, each] of [
      ['one thread', one],
      [`${options.workers} workers`, several],
    ] as const) {
      rows.push([
        label,
        Math.round(each.perBusiest).toLocaleString('en'),
        formatRatio(each.perBusiest / one.perBusiest),
        Math.round(each.perAll).toLocaleString('en'),
        Math.round(each.perSecond).toLocaleString('en'),
        String(each.errors),
      ])
    }
    printTable(
      ['', 'per second of busiest', '÷ one', 'per CPU second', 'per second', 'errors'],
      rows,
    )
  } finally {
    temporary.remove()
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '4' },
      rounds: { type: 'string', default: '3' },
      workers: { type: 'string', default: '2' },
      keep: { type: 'string' },
      processors: { type: 'string' },
    },
  })
  await benchWorkers({
    seconds: Number(values.seconds),
    rounds: Number(values.rounds),
    workers: Number(values.workers),
    keep: values.keep ?? null,
    processors: values.processors ?? `0-${availableParallelism() - 1}`,
  })
}
