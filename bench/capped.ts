// Volunteers whose owners limit them: each may send and receive 25 Mbit/s, the origin is not limited.
// None can be done before unique bytes ÷ rate; printed is how much later they are.
// Usage: node bench/capped.ts [--files 500] [--bytes 256MiB] [--volunteers 5] [--rate 25] [--seed 1]

import { parseArgs } from 'node:util'
import { formatSize, parseSize } from '../core/units.ts'
import { readTree, treeDifferences } from '../loadtest/compare-trees.ts'
import { originUploadBytes } from '../loadtest/counters.ts'
import { waitUntil } from '../loadtest/deadline.ts'
import { Network } from '../loadtest/network.ts'
import { fileTree } from '../loadtest/sample/file-tree.ts'
import { formatRatio, formatSeconds, print, printTable } from './figures.ts'

interface CappedOptions {
  readonly files: number
  readonly bytes: number
  readonly volunteers: number
  /** Of each volunteer, up and down, in Mbit/s. */
  readonly megabits: number
  readonly seed: number
}

/** Times of the least possible one. */
const aims = { median: 1.3, last: 1.8 }

/** When each volunteer showed the newest snapshot, in milliseconds since `started`; sorted. */
const arrivals = async (network: Network, started: number): Promise<number[]> => {
  const snapshot = await network.headSnapshot()
  const done = new Map<string, number>()
  await waitUntil(
    'all volunteers synced',
    async () => {
      for (const { name, state, snapshot: shown } of await network.lines()) {
        if (state === 'synced' && shown === snapshot && !done.has(name)) {
          done.set(name, performance.now() - started)
        }
      }
      return done.size === network.volunteers.length
    },
    { timeoutMs: 1_800_000, everyMs: 100, details: () => network.report() },
  )
  return [...done.values()].sort((a, b) => a - b)
}

const check = async (network: Network): Promise<void> => {
  const expected = await readTree(network.repository)
  for (const volunteer of network.volunteers) {
    const found = await readTree(volunteer.mirror, path => path.startsWith('.mirrorswarm'))
    const [difference] = treeDifferences(expected, found)
    if (difference !== undefined) throw new Error(`${volunteer.name}: ${difference}`)
  }
}

/** Run the bench and print its table; false if an aim was missed. */
export const benchCapped = async (options: CappedOptions): Promise<boolean> => {
  const { files, bytes, volunteers, megabits, seed } = options
  print(
    `\n${volunteers} volunteers limited to ${megabits} Mbit/s, ${formatSize(bytes)} in ${files} files, seed ${seed}`,
  )
  const bytesPerSecond = (megabits * 1_000_000) / 8
  const leastMs = (bytes / bytesPerSecond) * 1_000
  const network = await Network.start({ name: 'capped' })
  try {
    // They are there before there is anything to fetch: their start is not measured.
    fileTree(network.repository, { files: 1, bytes: 10_000, seed: seed + 1 })
    await network.publish()
    const limit = String(bytesPerSecond)
    const args = ['--upload-limit', limit, '--download-limit', limit]
    await network.addVolunteers(volunteers, { args })
    await network.waitForState('synced')
    fileTree(network.repository, { files, bytes, seed })
    const before = await originUploadBytes(network)
    await network.publish()
    const done = await arrivals(network, performance.now())
    await check(network)
    const uploaded = (await originUploadBytes(network)) - before
    const median = done[Math.ceil(done.length / 2) - 1] ?? Number.NaN
    const last = done.at(-1) ?? Number.NaN
    const row = (name: string, durationMs: number, aim: number): string[] => [
      name,
      formatSeconds(durationMs),
      formatRatio(durationMs / leastMs),
      formatRatio(aim),
    ]
    printTable(
      ['', 'time', 'per least time', 'aim'],
      [
        ['least possible', formatSeconds(leastMs), formatRatio(1), ''],
        row('median volunteer', median, aims.median),
        row('last volunteer', last, aims.last),
      ],
    )
    print(`the origin sent ${formatRatio(uploaded / bytes)} the unique bytes`)
    return median <= aims.median * leastMs && last <= aims.last * leastMs
  } finally {
    await network.stop()
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      files: { type: 'string', default: '500' },
      bytes: { type: 'string', default: '256MiB' },
      volunteers: { type: 'string', default: '5' },
      rate: { type: 'string', default: '25' },
      seed: { type: 'string', default: '1' },
    },
  })
  const kept = await benchCapped({
    files: Number(values.files),
    bytes: parseSize(values.bytes),
    volunteers: Number(values.volunteers),
    megabits: Number(values.rate),
    seed: Number(values.seed),
  })
  if (!kept) process.exitCode = 1
}
