// A volunteer that serves signed links, by itself and with nginx in front that sends the bytes, beside
// nginx that serves the same files without looking at links: packages of a hot set and large files, by turns on one processor; and its memory while a
// thousand clients are slow.
// Usage: node bench/serving.ts [--seconds 5] [--rounds 5] [--only packages|large|slow]

import { parseArgs } from 'node:util'
import { formatSize } from '../core/units.ts'
import { installedEnvironment } from '../loadtest/installed.ts'
import { temporaryFolder } from '../loadtest/leftovers.ts'
import { missing } from '../loadtest/programs.ts'
import { formatRatio, print, printTable } from './figures.ts'
import { type PinnedServer, stopPinned } from './redirects-load.ts'
import { type AskedServer, askInTurn, type Served, serveSlowly } from './serving-load.ts'
import { type FileSet, ServingNetwork, startFrontOf, startNginxOn } from './serving-servers.ts'

interface ServingBenchOptions {
  readonly seconds: number
  readonly rounds: number
  readonly only: string | null
}

interface Kind extends FileSet {
  readonly title: string
  readonly connections: number
}

const kinds: readonly Kind[] = [
  {
    name: 'packages',
    title: '300 KB packages of a hot set',
    files: 200,
    bytes: 300_000,
    connections: 32,
  },
  { name: 'large', title: '1 GB files', files: 2, bytes: 1_000_000_000, connections: 4 },
]
/** Of nginx's bytes per second. */
const aim = 0.9
const slowClients = 1_000
const slowSeconds = 15
const memoryAimBytes = 300_000_000

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6).toLocaleString('en')} MB`

const row = (name: string, all: readonly Served[]): string[] => [
  name,
  Math.round(median(all.map(each => each.requests / each.seconds))).toLocaleString('en'),
  megabytes(median(all.map(each => each.bytes / each.seconds))),
  Math.round(median(all.map(each => each.requests / each.cpuSeconds))).toLocaleString('en'),
  megabytes(median(all.map(each => each.bytes / each.cpuSeconds))),
  formatRatio(median(all.map(each => each.cpuSeconds / each.seconds))),
  String(all.reduce((sum, each) => sum + each.errors, 0)),
]

const judge = (what: string, reached: string, wanted: string, kept: boolean): boolean => {
  print(`${kept ? 'pass' : 'FAIL'}: ${what}: ${reached} (aim: ${wanted})`)
  return kept
}

interface Servers {
  readonly ours: AskedServer
  readonly behindNginx: AskedServer
  readonly nginx: AskedServer
}

const serversOf = (network: ServingNetwork, front: PinnedServer, nginx: PinnedServer): Servers => ({
  ours: { name: 'volunteer', url: network.url, cpuSeconds: () => network.cpuSeconds() },
  behindNginx: {
    ...{ name: front.name, url: front.url },
    cpuSeconds: () => network.cpuSeconds() + front.group.cpuSeconds(),
  },
  nginx: { ...nginx, cpuSeconds: () => nginx.group.cpuSeconds() },
})

/** Each round of one beside that of the other, medians: by the clock and by processor time. */
const ratiosOf = (mine: readonly Served[], theirs: readonly Served[]) => {
  const pairs = mine.map((one, round) => [one, theirs[round] ?? one] as const)
  const clock = pairs.map(([one, other]) => one.bytes / one.seconds / (other.bytes / other.seconds))
  const processor = pairs.map(
    ([one, other]) => one.bytes / one.cpuSeconds / (other.bytes / other.cpuSeconds),
  )
  return { clock: median(clock), processor: median(processor) }
}

/** Rounds over all servers in turn, so that a busy moment of the machine hits them alike. */
const benchKind = async (
  kind: Kind,
  network: ServingNetwork,
  { ours, behindNginx, nginx }: Servers,
  { seconds, rounds, folder }: ServingBenchOptions & { readonly folder: string },
): Promise<boolean> => {
  const { connections } = kind
  // Handing a file to nginx links it under another name, a change that the volunteer's memory notices:
  // its first round has to be over before the volunteer itself is warm.
  const served = new Map<AskedServer, Served[]>([
    [behindNginx, []],
    [ours, []],
    [nginx, []],
  ])
  const links = await network.links(kind)
  for (const server of served.keys())
    await askInTurn(server, links, { folder, seconds, connections })
  for (let round = 0; round < rounds; round++) {
    const fresh = await network.links(kind)
    for (const [server, all] of served) {
      all.push(await askInTurn(server, fresh, { folder, seconds, connections }))
    }
  }
  print(`\n${kind.title}, ${connections} connections`)
  printTable(
    ['', 'requests/s', 'bytes/s', 'requests/CPU s', 'bytes/CPU s', 'CPU', 'errors'],
    [...served].map(([server, all]) => row(server.name, all)),
  )
  const resultsOf = (server: AskedServer) => served.get(server) ?? []
  for (const each of [ours, behindNginx]) {
    const { clock, processor } = ratiosOf(resultsOf(each), resultsOf(nginx))
    print(
      `${each.name} ÷ nginx: ${formatRatio(clock)} by the clock, ${formatRatio(processor)} by processor time`,
    )
  }
  const { clock: ratio } = ratiosOf(resultsOf(ours), resultsOf(nginx))
  return judge(`${kind.title} ÷ nginx`, formatRatio(ratio), formatRatio(aim), ratio >= aim)
}

/** Half of them take large files, half small ones; the hot set is in memory already. */
const benchSlow = async (network: ServingNetwork, folder: string): Promise<boolean> => {
  await network.restart()
  const server: AskedServer = { name: '', url: network.url, cpuSeconds: () => 0 }
  const lists: string[][] = []
  for (const kind of kinds) {
    const links = await network.links(kind)
    await askInTurn(server, links, { folder, seconds: 3, connections: kind.connections })
    lists.push(links)
  }
  const [small = [], large = []] = lists
  const targets = small.flatMap((link, index) => [link, large[index % large.length] ?? link])
  const served = await serveSlowly(network.url, targets, {
    clients: slowClients,
    seconds: slowSeconds,
  })
  const peak = network.peakResidentBytes()
  print(`\n${served} of ${slowClients} slow clients are being served after ${slowSeconds} s`)
  return judge('peak memory', formatSize(peak), formatSize(memoryAimBytes), peak <= memoryAimBytes)
}

/** The volunteer runs as its systemd unit has it. */
const asInstalled = (): { restore(): void } => {
  const before = { ...process.env }
  const own = installedEnvironment('volunteer')
  Object.assign(process.env, own)
  print(`with ${JSON.stringify(own)}, as in deploy/systemd/`)
  return {
    restore: () => {
      for (const name of Object.keys(own)) delete process.env[name]
      Object.assign(process.env, before)
    },
  }
}

/** Run the bench and print its tables; false if an aim was missed. */
export const benchServing = async (options: ServingBenchOptions): Promise<boolean> => {
  const lacking = missing('nginx', 'taskset', 'wrk')
  if (lacking !== false) {
    print(`skipped: ${lacking}`)
    return true
  }
  const { path: folder, remove } = temporaryFolder('serving-load')
  const isWanted = (name: string): boolean => options.only === null || options.only === name
  const nodeOptions = asInstalled()
  const network = await ServingNetwork.start(
    kinds.filter(({ name }) => isWanted(name) || isWanted('slow')),
  )
  const nginx = await startNginxOn(folder, network.mirror)
  const front = await startFrontOf(folder, network)
  const servers = serversOf(network, front, nginx)
  const verdicts: boolean[] = []
  try {
    for (const kind of kinds) {
      if (!isWanted(kind.name)) continue
      verdicts.push(await benchKind(kind, network, servers, { ...options, folder }))
    }
    if (isWanted('slow')) verdicts.push(await benchSlow(network, folder))
    return !verdicts.includes(false)
  } finally {
    await stopPinned(nginx)
    await stopPinned(front)
    await network.stop()
    nodeOptions.restore()
    remove()
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '5' },
      rounds: { type: 'string', default: '5' },
      only: { type: 'string' },
    },
  })
  const kept = await benchServing({
    seconds: Number(values.seconds),
    rounds: Number(values.rounds),
    only: values.only ?? null,
  })
  if (!kept) process.exitCode = 1
}
