// Four volunteers, one of which sends garbage to the others: what these receive for each byte of the
// repository, and whether all that they place is right.
// Usage: node bench/garbage.ts [--files 500] [--bytes 256MiB] [--volunteers 4] [--seed 1]

import { parseArgs } from 'node:util'
import { formatSize, parseSize } from '../core/units.ts'
import { readTree, treeDifferences } from '../loadtest/compare-trees.ts'
import { bytesSentToSwarm, fetchedBytes, originUploadBytes } from '../loadtest/counters.ts'
import { Network, type Volunteer } from '../loadtest/network.ts'
import { fileTree } from '../loadtest/sample/file-tree.ts'
import { formatRatio, formatSeconds, print, printTable } from './figures.ts'

interface GarbageOptions {
  readonly files: number
  readonly bytes: number
  readonly volunteers: number
  readonly seed: number
}

/** What an honest volunteer receives at most, per byte of the repository. */
const aim = 1.2

/** A volunteer that sends garbage; the others are started without the option. */
const startLiar = async (network: Network): Promise<Volunteer> => {
  const before = process.env.NODE_OPTIONS
  process.env.NODE_OPTIONS = `--import=${new URL('./garbage-peer.ts', import.meta.url).href}`
  try {
    return await network.addVolunteer({ name: 'liar' })
  } finally {
    if (before === undefined) delete process.env.NODE_OPTIONS
    else process.env.NODE_OPTIONS = before
  }
}

/** Run the bench and print its table; false if the aim was missed. */
export const benchGarbage = async (options: GarbageOptions): Promise<boolean> => {
  const { files, bytes, volunteers, seed } = options
  print(
    `\n${volunteers} volunteers, one of which sends garbage, ${formatSize(bytes)} in ${files} files, seed ${seed}`,
  )
  const network = await Network.start({ name: 'garbage' })
  try {
    fileTree(network.repository, { files: 1, bytes: 10_000, seed: seed + 1 })
    await network.publish()
    const liar = await startLiar(network)
    const honest = await network.addVolunteers(volunteers - 1)
    await network.waitForState('synced')
    fileTree(network.repository, { files, bytes, seed })
    const uploadedBefore = await originUploadBytes(network)
    await network.publish()
    const started = performance.now()
    await network.waitForState('synced', {
      names: honest.map(({ name }) => name),
      timeoutMs: 600_000,
    })
    const durationMs = performance.now() - started
    const expected = await readTree(network.repository)
    const ratios: number[] = []
    for (const volunteer of honest) {
      const found = await readTree(volunteer.mirror, path => path.startsWith('.mirrorswarm'))
      const [difference] = treeDifferences(expected, found)
      if (difference !== undefined) throw new Error(`${volunteer.name}: ${difference}`)
      ratios.push((await fetchedBytes(network, volunteer)) / bytes)
    }
    const garbage = await bytesSentToSwarm(network, liar)
    const uploaded = (await originUploadBytes(network)) - uploadedBefore
    printTable(
      ['', 'received per byte'],
      honest.map(({ name }, index) => [name, formatRatio(ratios[index] ?? Number.NaN)]),
    )
    print(
      `aim: ${formatRatio(aim)}; ${formatSeconds(durationMs)}; garbage sent: ${formatSize(garbage)}; the origin sent ${formatRatio(uploaded / bytes)} the unique bytes`,
    )
    return garbage > 0 && ratios.every(ratio => ratio <= aim)
  } finally {
    await network.stop()
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      files: { type: 'string', default: '500' },
      bytes: { type: 'string', default: '256MiB' },
      volunteers: { type: 'string', default: '4' },
      seed: { type: 'string', default: '1' },
    },
  })
  const kept = await benchGarbage({
    files: Number(values.files),
    bytes: parseSize(values.bytes),
    volunteers: Number(values.volunteers),
    seed: Number(values.seed),
  })
  if (!kept) process.exitCode = 1
}
