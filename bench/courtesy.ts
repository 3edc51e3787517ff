// What clients of a volunteer without limits lose while it synchronises as fast as it can: their rate
// alone and beside a synchronisation, by turns, and the median of what they keep.
// Clients ask for 100 MB/s together, as much as a gigabit line carries; with --rate 0 for all they can
// get, which on one machine compares shares of the processor.
// Usage: node bench/courtesy.ts [--rounds 5] [--clients 2] [--seconds 4] [--bytes 128MiB] [--rate 100]
//   [--seed 1]

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { request } from 'undici'
import { formatSize, parseSize } from '../core/units.ts'
import { fetchedBytes } from '../loadtest/counters.ts'
import { waitUntil } from '../loadtest/deadline.ts'
import { Network, type Volunteer } from '../loadtest/network.ts'
import { fileTree } from '../loadtest/sample/file-tree.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { formatRatio, print, printTable } from './figures.ts'

interface CourtesyOptions {
  readonly rounds: number
  readonly clients: number
  /** How long each rate is measured, at most; a synchronisation may end before. */
  readonly seconds: number
  /** What is synchronised in each round. */
  readonly bytes: number
  /** What all clients together ask for at most, in MB a second; 0: as much as they get. */
  readonly megabytesPerSecond: number
  readonly seed: number
}

/** The part of their rate that clients keep. */
const aim = 0.9
const clientFileBytes = 64 * 1024 * 1024

/** Clients that download one file from the volunteer again and again, by the origin's redirects. */
class Clients {
  readonly #stop = new AbortController()
  readonly #running: Promise<void>[]
  readonly #bytesPerSecond: number
  bytes = 0

  constructor(url: string, count: number, bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond / count
    this.#running = Array.from({ length: count }, (_, index) => this.#download(url, index))
  }

  async #download(url: string, index: number): Promise<void> {
    const { signal } = this.#stop
    for (let turn = 0; !signal.aborted; turn++) {
      // Another name each time: who repeats a path is served by another server.
      const headers = { 'user-agent': `client ${index} ${turn}` }
      const { headers: found, statusCode, body } = await request(url, { headers, signal })
      await body.dump()
      const { location } = found
      if (typeof location !== 'string') throw new Error(`the origin answers ${statusCode}`)
      const answer = await request(location, { signal })
      if (answer.statusCode !== 200) throw new Error(`the volunteer answers ${answer.statusCode}`)
      await this.#count(answer.body)
    }
  }

  async #count(body: AsyncIterable<Buffer>): Promise<void> {
    const startMs = performance.now()
    let bytes = 0
    for await (const part of body) {
      this.bytes += part.length
      bytes += part.length
      if (this.#bytesPerSecond === 0) continue
      const aheadMs = (1000 * bytes) / this.#bytesPerSecond - (performance.now() - startMs)
      if (aheadMs > 5) await sleep(aheadMs)
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('enough'))
    const ends = await Promise.allSettled(this.#running)
    for (const end of ends) {
      if (end.status === 'rejected' && end.reason !== this.#stop.signal.reason) throw end.reason
    }
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

interface Rates {
  readonly clients: number
  readonly sync: number
}

/** Until `isOver`, or for so many seconds. */
const measure = async (
  { network, volunteer, clients }: World,
  seconds: number,
  isOver: () => Promise<boolean>,
): Promise<Rates> => {
  const startMs = performance.now()
  const before = { clients: clients.bytes, sync: await fetchedBytes(network, volunteer) }
  while (performance.now() - startMs < seconds * 1000 && !(await isOver())) await sleep(100)
  const elapsed = (performance.now() - startMs) / 1000
  const bytes = clients.bytes - before.clients
  const fetched = (await fetchedBytes(network, volunteer)) - before.sync
  return { clients: bytes / elapsed, sync: fetched / elapsed }
}

interface World {
  readonly network: Network
  readonly volunteer: Volunteer
  readonly clients: Clients
}

/** One round: alone, then beside the synchronisation of something new. */
const round = async (
  world: World,
  { seconds, bytes, seed }: CourtesyOptions,
  number: number,
): Promise<{ readonly alone: number; readonly beside: Rates }> => {
  const { network } = world
  const { clients: alone } = await measure(world, seconds, async () => false)
  const folder = join(network.repository, `round-${number}`)
  fileTree(folder, { files: 100, bytes, seed: seed + number })
  const snapshot = await network.publish()
  const isSynced = async (): Promise<boolean> => {
    const [line] = await network.lines()
    return line?.state === 'synced' && line.snapshot === snapshot
  }
  await waitUntil('the synchronisation to begin', async () => {
    const [line] = await network.lines()
    return line?.state === 'syncing' || (await isSynced())
  })
  const beside = await measure(world, seconds, isSynced)
  await waitUntil('the synchronisation to end', isSynced, { timeoutMs: 600_000, everyMs: 200 })
  return { alone, beside }
}

/** Run the bench and print its table; false if the aim was missed. */
export const benchCourtesy = async (options: CourtesyOptions): Promise<boolean> => {
  const { rounds, clients: count, bytes, megabytesPerSecond } = options
  const asked = megabytesPerSecond === 0 ? '' : ` that ask for ${megabytesPerSecond} MB/s`
  print(
    `\n${count} clients${asked} of a volunteer that synchronises ${formatSize(bytes)} meanwhile`,
  )
  const network = await Network.start({ name: 'courtesy' })
  try {
    writeFileSync(join(network.repository, 'client.iso'), noise('client', clientFileBytes))
    await network.publish()
    const volunteer = await network.addVolunteer()
    await network.waitForState('synced')
    const url = `${network.origin.url}/client.iso`
    const clients = new Clients(url, count, megabytesPerSecond * 1e6)
    const world = { network, volunteer, clients }
    await waitUntil('clients to be served', () => clients.bytes > clientFileBytes / 2)
    const all: { alone: number; beside: Rates }[] = []
    for (let number = 0; number < rounds; number++) all.push(await round(world, options, number))
    const perSecond = (value: number): string => `${formatSize(value)}/s`
    const last = await measure(world, options.seconds, async () => false)
    await clients.stop()
    // The machine may become slower or quicker: each is compared with what was before and after it.
    const kept = all.map(({ alone, beside }, number) => {
      const after = all[number + 1]?.alone ?? last.clients
      return (2 * beside.clients) / (alone + after)
    })
    const rows = all.map(({ alone, beside }, number) => [
      `round ${number + 1}`,
      ...[alone, beside.clients, beside.sync].map(perSecond),
      formatRatio(kept[number] ?? Number.NaN),
    ])
    const alone = median(all.map(each => each.alone))
    const beside = median(all.map(each => each.beside.clients))
    const sync = median(all.map(each => each.beside.sync))
    const ratio = median(kept)
    const summary = ['median', ...[alone, beside, sync].map(perSecond), formatRatio(ratio)]
    printTable(
      ['', 'clients alone', 'while it synchronises', 'its rate', 'kept'],
      [...rows, summary],
    )
    print(`the aim is ${formatRatio(aim)}`)
    return ratio >= aim
  } finally {
    await network.stop()
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      clients: { type: 'string', default: '2' },
      seconds: { type: 'string', default: '4' },
      bytes: { type: 'string', default: '128MiB' },
      rate: { type: 'string', default: '100' },
      seed: { type: 'string', default: '1' },
    },
  })
  const kept = await benchCourtesy({
    rounds: Number(values.rounds),
    clients: Number(values.clients),
    seconds: Number(values.seconds),
    bytes: parseSize(values.bytes),
    megabytesPerSecond: Number(values.rate),
    seed: Number(values.seed),
  })
  if (!kept) process.exitCode = 1
}
