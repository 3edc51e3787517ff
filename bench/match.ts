// How fast chunks are looked for where there are none: random old bytes, random new ones, CPU time of the
// side that matches. Beside it rsync's sender and the zsync client on the same two files.
// Usage: node bench/match.ts [--bytes 256MiB] [--repeat 2]

import { randomFillSync } from 'node:crypto'
import { closeSync, openSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chunkHashBytes } from '../core/kernel/chunk-map.ts'
import { kernel, kernelProblem } from '../core/kernel/kernel.ts'
import { formatSize, parseSize } from '../core/units.ts'
import { temporaryFolder } from '../loadtest/leftovers.ts'
import { type BasisFile, Matcher, type WantedChunks } from '../prsync/matcher.ts'
import { Rivals } from './delta-rivals.ts'
import { formatRatio, print, printTable } from './figures.ts'

interface MatchOptions {
  readonly bytes: number
  readonly repeat: number
}

const portionBytes = 4 * 1024 * 1024
/** The sizes that a delta looks for anywhere; the first is looked for before there is any match. */
const chunkSizes = [65_536, 8192, 1024]
const aim = 3
const { signal } = new AbortController()

/** Fill a file with noise; returns its chunk maps. */
const writeNoise = (file: string, bytes: number): Map<number, Uint8Array> => {
  const maps = new Map(chunkSizes.map(size => [size, [] as Uint8Array[]]))
  const descriptor = openSync(file, 'w')
  for (let left = bytes; left > 0; left -= portionBytes) {
    const part = randomFillSync(Buffer.alloc(Math.min(left, portionBytes)))
    writeSync(descriptor, part)
    for (const [size, parts] of maps) parts.push(kernel.chunkHashes(part, size))
  }
  closeSync(descriptor)
  return new Map([...maps].map(([size, parts]) => [size, Buffer.concat(parts)]))
}

const basisOf = (file: string): BasisFile => {
  const { size, mtimeNs } = statSync(file, { bigint: true })
  return { file, sizeBytes: Number(size), modifiedNs: mtimeNs }
}

const wantedOf = (chunkBytes: number, hashes: Uint8Array): WantedChunks => {
  const count = hashes.length / chunkHashBytes
  return { chunkBytes, chunks: Uint32Array.from({ length: count }, (_, index) => index), hashes }
}

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** CPU seconds of the whole process, for one search. */
const measureOurs = async (
  matcher: Matcher,
  wanted: WantedChunks,
  basis: BasisFile,
): Promise<number> => {
  const before = cpuSeconds()
  const { scannedBytes, chunks } = await matcher.match(wanted, [basis], signal)
  if (scannedBytes !== basis.sizeBytes || chunks.length > 0) throw new Error('not all was scanned')
  return cpuSeconds() - before
}

/**
 * CPU seconds for matching alone: what the same job takes that has nothing to match (rsync -W, zsync
 * without a seed) is not counted.
 */
const measureRivals = async (
  rivals: Rivals,
  oldFile: string,
  newFile: string,
): Promise<{ rsync: number | null; zsync: number | null }> => {
  const sent = await rivals.measureRsync(oldFile, newFile, ['-W'])
  const matched = await rivals.measureRsync(oldFile, newFile, [])
  const fetched = await rivals.measureZsync([], newFile)
  const sought = await rivals.measureZsync([oldFile], newFile)
  const client = (result: typeof sought): number =>
    result === null ? Number.NaN : result.cpuSeconds - result.serverCpuSeconds
  return {
    rsync: matched && sent ? matched.serverCpuSeconds - sent.serverCpuSeconds : null,
    zsync: sought && fetched ? client(sought) - client(fetched) : null,
  }
}

const best = (values: readonly (number | null)[]): number | null => {
  const known = values.filter(value => value !== null)
  return known.length === 0 ? null : Math.min(...known)
}

interface Figures {
  readonly ours: ReadonlyMap<number, number>
  readonly rsync: number | null
  readonly zsync: number | null
}

const report = ({ bytes }: MatchOptions, { ours, rsync, zsync }: Figures): boolean => {
  const speed = (seconds: number): string => `${(bytes / 1e6 / seconds).toFixed(0)} MB/s`
  const ratio = (rival: number | null, seconds: number): string =>
    rival === null ? '–' : formatRatio(rival / seconds)
  const rows = [...ours].map(([size, seconds]) => [
    ...[`mirrorswarm, chunks of ${formatSize(size)}`, `${seconds.toFixed(2)} s`, speed(seconds)],
    ...[ratio(rsync, seconds), ratio(zsync, seconds)],
  ])
  for (const [name, seconds] of [
    ['rsync, sender', rsync],
    ['zsync, client', zsync],
  ] as const) {
    if (seconds !== null) rows.push([name, `${seconds.toFixed(2)} s`, speed(seconds), '', ''])
  }
  printTable(['', 'CPU', 'of CPU time', 'to rsync', 'to zsync'], rows)
  const first = ours.get(chunkSizes[0] as number) as number
  let kept = true
  for (const [name, seconds] of Object.entries({ rsync, zsync })) {
    if (seconds === null) continue
    const isKept = seconds / first >= aim
    kept &&= isKept
    const verdict = isKept ? 'kept' : 'MISSED'
    print(`at least ${aim} × ${name}: ${verdict} (${formatRatio(seconds / first)})`)
  }
  return kept
}

/**
 * Run the bench and print its table; the best of each one's repeats counts. False if an aim was
 * missed.
 */
export const benchMatch = async (options: MatchOptions): Promise<boolean> => {
  const { bytes, repeat } = options
  print(`\nlooking for what is not there: ${formatSize(bytes)} of noise in as much other noise`)
  if (kernelProblem !== null) print(`plain TypeScript is used: ${kernelProblem.message}`)
  const folder = temporaryFolder('match')
  const rivals = await Rivals.start(print)
  const matcher = new Matcher()
  try {
    const [oldFile, newFile] = [join(folder.path, 'old.bin'), join(folder.path, 'new.bin')]
    writeNoise(oldFile, bytes)
    const maps = writeNoise(newFile, bytes)
    // The thread starts once in a volunteer's life, not for each search.
    await matcher.match(wantedOf(65_536, new Uint8Array(8)), [basisOf(oldFile)], signal)
    const rounds: Figures[] = []
    for (let round = 0; round < repeat; round++) {
      const ours = new Map<number, number>()
      for (const [size, hashes] of maps) {
        ours.set(size, await measureOurs(matcher, wantedOf(size, hashes), basisOf(oldFile)))
      }
      rounds.push({ ours, ...(await measureRivals(rivals, oldFile, newFile)) })
    }
    return report(options, {
      ours: new Map(
        chunkSizes.map(size => [size, best(rounds.map(({ ours }) => ours.get(size) ?? null)) ?? 0]),
      ),
      rsync: best(rounds.map(({ rsync }) => rsync)),
      zsync: best(rounds.map(({ zsync }) => zsync)),
    })
  } finally {
    await matcher.stop()
    await rivals.stop()
    folder.remove()
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      bytes: { type: 'string', default: '256MiB' },
      repeat: { type: 'string', default: '2' },
    },
  })
  const kept = await benchMatch({ bytes: parseSize(values.bytes), repeat: Number(values.repeat) })
  if (!kept) process.exitCode = 1
}
