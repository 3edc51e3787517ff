// Ten volunteers synchronise 1 GiB of 2,000 files at the same time; beside it the same job by rsync.
// Usage: node bench/swarm.ts [--files 2000] [--bytes 1GiB] [--volunteers 10] [--seed 1]

import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { formatSize, parseSize } from '../core/units.ts'
import { readTree, treeDifferences } from '../loadtest/compare-trees.ts'
import { originUploadBytes } from '../loadtest/counters.ts'
import { Network } from '../loadtest/network.ts'
import { missing } from '../loadtest/programs.ts'
import { fileTree } from '../loadtest/sample/file-tree.ts'
import { formatRatio, formatSeconds, print, printTable } from './figures.ts'
import { rsyncRival } from './rsync-rival.ts'

interface SwarmResult {
  readonly publishMs: number
  readonly syncMs: number
  readonly uploadBytes: number
  readonly openFiles: number
  readonly peakBytes: number
  /** Processor time of all volunteers, and of the origin, for the synchronisation alone. */
  readonly volunteerSeconds: number
  readonly originSeconds: number
}

interface SwarmOptions {
  readonly files: number
  readonly bytes: number
  readonly volunteers: number
  readonly seed: number
}

const synchronise = async (network: Network, options: SwarmOptions): Promise<SwarmResult> => {
  const publishStarted = performance.now()
  await network.origin.start()
  await network.publish()
  const publishMs = performance.now() - publishStarted
  const originBefore = network.origin.cpuSeconds()
  let openFiles = 0
  let peakBytes = 0
  const sampler = setInterval(() => {
    for (const volunteer of network.volunteers) {
      openFiles = Math.max(openFiles, volunteer.openFiles(/^\//))
      peakBytes = Math.max(peakBytes, volunteer.peakResidentBytes())
    }
  }, 1_000)
  const started = performance.now()
  try {
    await network.addVolunteers(options.volunteers)
    await network.waitForState('synced', { timeoutMs: 1_800_000 })
  } finally {
    clearInterval(sampler)
  }
  const syncMs = performance.now() - started
  const volunteerSeconds = network.volunteers.reduce((sum, each) => sum + each.cpuSeconds(), 0)
  const originSeconds = network.origin.cpuSeconds() - originBefore
  const expected = await readTree(network.repository)
  for (const volunteer of network.volunteers) {
    const found = await readTree(volunteer.mirror, path => path.startsWith('.mirrorswarm'))
    const differences = treeDifferences(expected, found)
    if (differences.length > 0) throw new Error(`${volunteer.name}: ${differences[0]}`)
  }
  const uploadBytes = await originUploadBytes(network)
  const times = { publishMs, syncMs, volunteerSeconds, originSeconds }
  return { ...times, uploadBytes, openFiles, peakBytes }
}

/** Run the bench and print its table. */
export const benchSwarm = async (options: SwarmOptions): Promise<void> => {
  const { files, bytes, volunteers, seed } = options
  print(`\n${volunteers} volunteers, ${formatSize(bytes)} in ${files} files, seed ${seed}`)
  const network = await Network.prepare({ name: 'bench' })
  try {
    fileTree(network.repository, options)
    const swarm = await synchronise(network, options)
    await Promise.all([...network.volunteers, network.origin].map(daemon => daemon.kill()))
    // The copies are checked and have to make room for rsync's.
    for (const volunteer of network.volunteers) {
      rmSync(volunteer.mirror, { recursive: true, force: true })
    }
    const skipped = missing('rsync')
    const rsync = skipped === false ? await rsyncRival(network.repository, volunteers) : null
    const row = (name: string, durationMs: number, sent: number, more: string[]): string[] => [
      name,
      formatSeconds(durationMs),
      formatSize(sent),
      formatRatio(sent / bytes),
      ...more,
    ]
    const rows = [
      row('mirrorswarm', swarm.syncMs, swarm.uploadBytes, [
        String(swarm.openFiles),
        formatSize(swarm.peakBytes),
      ]),
      ...(rsync === null ? [] : [row('rsync', rsync.durationMs, rsync.sentBytes, ['–', '–'])]),
    ]
    printTable(
      ['', 'time', 'origin sent', 'per unique byte', 'open files (most)', 'memory (most)'],
      rows,
    )
    print(
      `processor: volunteers ${formatSeconds(swarm.volunteerSeconds * 1000)} in sum, origin ${formatSeconds(swarm.originSeconds * 1000)}`,
    )
    print(`first publish: ${formatSeconds(swarm.publishMs)} (not part of the time above)`)
    if (rsync === null) print(`rsync skipped: ${skipped}`)
    else {
      print(
        `mirrorswarm / rsync: time ${formatRatio(swarm.syncMs / rsync.durationMs)}, origin's upload ${formatRatio(swarm.uploadBytes / rsync.sentBytes)}`,
      )
    }
  } finally {
    await network.stop()
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      files: { type: 'string', default: '2000' },
      bytes: { type: 'string', default: '1GiB' },
      volunteers: { type: 'string', default: '10' },
      seed: { type: 'string', default: '1' },
    },
  })
  await benchSwarm({
    files: Number(values.files),
    bytes: parseSize(values.bytes),
    volunteers: Number(values.volunteers),
    seed: Number(values.seed),
  })
}
