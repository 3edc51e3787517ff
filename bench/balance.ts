// How evenly redirects load volunteers of unequal capacity: ten real ones with their own upload
// limits, two of them synchronising all the time, clients on many addresses. Printed for this
// origin's choice and for choices at random, in turn and by count of requests: Jain's index of used ÷
// capacity, response times, and what the origin had to send.
// Usage: node bench/balance.ts [--seconds 30] [--unit 800KB] [--file 500KB] [--utilisation 60]
//   [--seed 1] [--seeds 1] [--only load]
// Very small files: --file 20KB --unit 100KB, so that not the processor is the limit.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { formatSize, parseSize } from '../core/units.ts'
import { bytesSentToSwarm, bytesServedToClients } from '../loadtest/counters.ts'
import { Network, type Volunteer } from '../loadtest/network.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { type LoadResult, runClients } from './balance-clients.ts'
import { formatRatio, print, printTable } from './figures.ts'

/** Upload limits in units. */
const shares = [1, 1, 2, 2, 3, 3, 4, 5, 6, 8]
/** Those of them (by index) that synchronise all the time, with this part of their limit. */
const synchronising = [4, 7]
const synchronisingPart = 0.3
const files = 60
/** Clients, each with an address of its own. */
const addresses = 1000
const policies = ['load', 'random', 'round-robin', 'request-count'] as const
const loads = [0.2, 0.6, 1] as const
const aims = { jain: 0.95, growth: 1.3 }

interface Options {
  readonly seconds: number
  readonly unitBytesPerSecond: number
  /** Of all limits together, when the load is 100 %. */
  readonly utilisation: number
  readonly fileBytes: number
  readonly seed: number
  /** One policy; null: all. */
  readonly only: string | null
}

/** What the aims are about. */
interface Reached {
  /** At 100 % load. */
  readonly jain: number
  /** Of p95 from 20 % to 100 % load. */
  readonly growth: number
}

interface Figures extends LoadResult {
  readonly jain: number
  readonly p95Ms: number
}

/** Jain, Chiu, Hawe 1984: 1 when all are equal, 1/n when one has everything. */
const jainIndex = (values: readonly number[]): number => {
  const sum = values.reduce((total, value) => total + value, 0)
  const squares = values.reduce((total, value) => total + value * value, 0)
  return squares === 0 ? 1 : (sum * sum) / (values.length * squares)
}

const fill = (network: Network, { seed, fileBytes }: Options): string[] => {
  const paths: string[] = []
  mkdirSync(join(network.repository, 'pool'), { recursive: true })
  mkdirSync(join(network.repository, 'sync'))
  for (let index = 0; index < files; index++) {
    const path = `pool/${index}.deb`
    writeFileSync(join(network.repository, path), noise(String(seed + index), fileBytes))
    paths.push(path)
  }
  return paths
}

class Balance {
  readonly #network: Network
  readonly #options: Options
  readonly #policyFile: string
  readonly #paths: readonly string[]
  #runs = 0

  constructor(network: Network, options: Options, policyFile: string) {
    this.#network = network
    this.#options = options
    this.#policyFile = policyFile
    this.#paths = fill(network, options)
  }

  #limit(index: number): number {
    return (shares[index] ?? 0) * this.#options.unitBytesPerSecond
  }

  async start(): Promise<void> {
    const network = this.#network
    await network.origin.start()
    await network.publish()
    const token = await network.createToken(shares.length)
    const volunteers: Volunteer[] = []
    for (const index of shares.keys()) {
      const syncs = synchronising.includes(index)
      const limit = this.#limit(index)
      const args = [
        ...['--upload-limit', `${limit}B/s`, '--log-level', 'error'],
        ...(syncs
          ? ['--download-limit', `${limit * synchronisingPart}B/s`]
          : ['--exclude', 'sync/**']),
      ]
      volunteers.push(await network.prepareVolunteer(token, { args }))
    }
    await Promise.all(volunteers.map(volunteer => volunteer.start()))
    await network.waitForState('synced', { timeoutMs: 300_000 })
  }

  /** Something new for those that synchronise, enough for one run; what was before is gone. */
  async #keepSynchronising(): Promise<void> {
    const { seconds } = this.#options
    for (const index of synchronising) {
      const bytes = Math.ceil(this.#limit(index) * synchronisingPart * seconds * 1.2)
      const file = join(this.#network.repository, 'sync', `${index}.iso`)
      writeFileSync(file, noise(`sync ${++this.#runs}`, bytes))
    }
    await this.#network.publish()
  }

  async #used(): Promise<number[]> {
    const { volunteers } = this.#network
    return Promise.all(
      volunteers.map(async volunteer => {
        const sent = await bytesServedToClients(this.#network, volunteer)
        const swarm = await bytesSentToSwarm(this.#network, volunteer)
        const fetched = await this.#network.metric(volunteer, 'mirrorswarm_fetched_bytes_total')
        // As volunteers announce it: the busier direction.
        return sent + Math.max(swarm, fetched)
      }),
    )
  }

  async run(policy: string, load: number): Promise<Figures> {
    const { seconds, unitBytesPerSecond, utilisation, fileBytes, seed } = this.#options
    writeFileSync(this.#policyFile, policy)
    await this.#keepSynchronising()
    const total = shares.reduce((sum, share) => sum + share, 0) * unitBytesPerSecond
    const requestsPerSecond = (total * utilisation * load) / fileBytes
    const common = { originUrl: this.#network.origin.url, paths: this.#paths, requestsPerSecond }
    // Other requests each time: a client that asks again is not an ordinary one.
    const random = 1_000_000 * seed + 2 * this.#runs
    // What an announce shows is not there at the first moment.
    await runClients({ ...common, seconds: 6, addresses, seed: random + 1 })
    const before = await this.#used()
    const result = await runClients({ ...common, seconds, addresses, seed: random })
    const after = await this.#used()
    const used = after.map((bytes, index) => (bytes - (before[index] ?? 0)) / this.#limit(index))
    const p95Ms = result.responseMs[Math.floor(result.responseMs.length * 0.95)] ?? 0
    return { ...result, jain: jainIndex(used), p95Ms }
  }
}

const rowOf = (policy: string, load: number, figures: Figures): string[] => [
  `${policy}, ${Math.round(load * 100)} %`,
  figures.jain.toFixed(3),
  `${Math.round(figures.responseMs[Math.floor(figures.responseMs.length / 2)] ?? 0)} ms`,
  `${Math.round(figures.p95Ms)} ms`,
  String(figures.responseMs.length),
  String(figures.byOrigin),
  String(figures.bounced),
  String(figures.failed),
]

const isReached = ({ jain, growth }: Reached): boolean => jain >= aims.jain && growth <= aims.growth

const wordsOf = (reached: Reached): string =>
  `Jain's index at 100 % ${reached.jain.toFixed(3)} (aim: at least ${aims.jain}); p95 from 20 % to 100 % ` +
  `${formatRatio(reached.growth)} (aim: at most ${formatRatio(aims.growth)})${isReached(reached) ? '' : '  NOT REACHED'}`

/** One network, by one seed; prints its table. */
const benchSeed = async (options: Options): Promise<Reached> => {
  const { seconds, unitBytesPerSecond, utilisation, fileBytes, seed, only } = options
  print(
    `\nTen volunteers that may send ${shares.join(', ')} × ${formatSize(unitBytesPerSecond)}/s, two of them ` +
      `synchronising; files of ${formatSize(fileBytes)}; 100 % load is ${Math.round(utilisation * 100)} % of all ` +
      `limits; ${seconds} s each, seed ${seed}`,
  )
  const network = await Network.prepare({
    name: 'balance',
    originArgs: ['--announce-interval', '1s', '--log-level', 'error'],
    originProgram: fileURLToPath(new URL('./balance-origin.ts', import.meta.url)),
  })
  const policyFile = join(network.folder, 'policy')
  writeFileSync(policyFile, 'load')
  process.env.MIRRORSWARM_BENCH_POLICY = policyFile
  try {
    const balance = new Balance(network, options, policyFile)
    await balance.start()
    const rows: string[][] = []
    const ours: Figures[] = []
    for (const policy of policies.filter(name => only === null || name === only)) {
      for (const load of policy === 'load' ? loads : [1]) {
        const figures = await balance.run(policy, load)
        rows.push(rowOf(policy, load, figures))
        if (policy === 'load') ours.push(figures)
      }
    }
    printTable(['', 'Jain', 'median', 'p95', 'answers', 'by origin', 'bounced', 'failed'], rows)
    const growth = (ours.at(-1)?.p95Ms ?? 0) / (ours[0]?.p95Ms ?? 1)
    const reached = { jain: ours.at(-1)?.jain ?? 0, growth }
    print(wordsOf(reached))
    return reached
  } finally {
    await network.stop()
  }
}

/** The middle of growing values, the lower one of two. */
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN

/** Run the bench by so many seeds and print its tables; false if the medians miss an aim. */
export const benchBalance = async (options: Options, seeds = 1): Promise<boolean> => {
  const all: Reached[] = []
  for (let index = 0; index < seeds; index++) {
    all.push(await benchSeed({ ...options, seed: options.seed + index }))
  }
  const jains = all.map(({ jain }) => jain)
  const growths = all.map(({ growth }) => growth)
  const middle = { jain: median(jains), growth: median(growths) }
  if (seeds > 1) {
    print(
      `\n${seeds} seeds, ${all.filter(isReached).length} of which keep both aims; Jain's index ` +
        `${Math.min(...jains).toFixed(3)} to ${Math.max(...jains).toFixed(3)}, growth of p95 ` +
        `${formatRatio(Math.min(...growths))} to ${formatRatio(Math.max(...growths))}; medians: ${wordsOf(middle)}`,
    )
  }
  return isReached(middle)
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '30' },
      unit: { type: 'string', default: '800KB' },
      utilisation: { type: 'string', default: '60' },
      file: { type: 'string', default: '500KB' },
      seed: { type: 'string', default: '1' },
      seeds: { type: 'string', default: '1' },
      only: { type: 'string' },
    },
  })
  const options = {
    seconds: Number(values.seconds),
    unitBytesPerSecond: parseSize(values.unit),
    utilisation: Number(values.utilisation) / 100,
    fileBytes: parseSize(values.file),
    seed: Number(values.seed),
    only: values.only ?? null,
  }
  const reached = await benchBalance(options, Number(values.seeds))
  process.exitCode = reached ? 0 : 1
}
