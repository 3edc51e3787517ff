// A repository of 100,000 files: first publish, publish without a change, start-up, and the origin's
// memory; beside it what `find` and `sha256sum` need for the same tree in the same run.
// Usage: node bench/publish.ts [--files 100000] [--bytes 800MB] [--seed 1]

import { parseArgs } from 'node:util'
import { formatSize, parseSize } from '../core/units.ts'
import { Network } from '../loadtest/network.ts'
import { missing, runOrThrow } from '../loadtest/programs.ts'
import { fileTree } from '../loadtest/sample/file-tree.ts'
import { formatRatio, formatSeconds, print, printTable } from './figures.ts'

interface PublishOptions {
  readonly files: number
  readonly bytes: number
  readonly seed: number
}

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const started = performance.now()
  await work()
  return performance.now() - started
}

interface Rivals {
  readonly findMs: number
  readonly sha256sumMs: number
}

// Both read a tree that was written just now and lies in the page cache, as mirrorswarm does.
const measureRivals = async (root: string): Promise<Rivals> => ({
  findMs: await timed(() =>
    runOrThrow('sh', ['-c', 'find "$0" -printf "%p %s %T@ %i\\n" > /dev/null', root]),
  ),
  sha256sumMs: await timed(() =>
    runOrThrow('sh', ['-c', 'find "$0" -type f -print0 | xargs -0 sha256sum > /dev/null', root], {
      timeoutMs: 1_800_000,
    }),
  ),
})

/** Run the bench and print its table. */
export const benchPublish = async (options: PublishOptions): Promise<void> => {
  print(`\n${options.files} files, ${formatSize(options.bytes)}, seed ${options.seed}`)
  const network = await Network.prepare({ name: 'bench' })
  try {
    fileTree(network.repository, options)
    const skipped = missing('find', 'sha256sum')
    const rivals = skipped === false ? await measureRivals(network.repository) : null
    const { origin } = network
    const firstMs = await timed(async () => {
      await origin.start()
      await network.publish()
    })
    const firstStartMs = origin.startMs
    const unchangedMs = await timed(() => network.publish())
    const peakBytes = origin.peakResidentBytes()
    await origin.stop()
    await origin.start()
    const row = (
      name: string,
      ms: number,
      rival: string,
      rivalMs: number | undefined,
    ): string[] => [
      name,
      formatSeconds(ms),
      rivalMs === undefined ? '–' : `${rival} ${formatSeconds(rivalMs)}`,
      rivalMs === undefined ? '–' : formatRatio(ms / rivalMs),
    ]
    printTable(
      ['', 'mirrorswarm', 'rival', 'ratio'],
      [
        row('first publish (with start)', firstMs, 'sha256sum', rivals?.sha256sumMs),
        row('publish without a change', unchangedMs, 'find', rivals?.findMs),
        row('first start to "ready"', firstStartMs, '', undefined),
        row('second start to "ready"', origin.startMs, '', undefined),
      ],
    )
    print(`origin's memory at its peak: ${formatSize(peakBytes)} (the aim is under 300 MB)`)
    if (rivals === null) print(`rivals skipped: ${skipped}`)
  } finally {
    await network.stop()
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      files: { type: 'string', default: '100000' },
      bytes: { type: 'string', default: '800MB' },
      seed: { type: 'string', default: '1' },
    },
  })
  await benchPublish({
    files: Number(values.files),
    bytes: parseSize(values.bytes),
    seed: Number(values.seed),
  })
}
