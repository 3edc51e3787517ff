// New versions of real files: bytes on the wire for mirrorswarm, rsync, rsync -z and zsync in the same
// run, and whether the aims are kept. Packages and tarballs come from the archives this machine uses.
// Usage: node bench/delta.ts [--only REGEX] [--small] [--cache DIR] [--no-rivals] [--no-special] [--json]

import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { formatSize } from '../core/units.ts'
import { Cache } from './data-sets/cache.ts'
import { buildPairs, type Selection, selectRecipes } from './data-sets/data-sets.ts'
import type { Pair } from './data-sets/pair.ts'
import { type Aim, aimsOfPairs, isKept, type Row } from './delta-aims.ts'
import { type Compression, DeltaNetwork, type OursResult } from './delta-ours.ts'
import { describeRow, printAims, printCpu, printPurposes, printRows } from './delta-report.ts'
import { type RivalResults, Rivals } from './delta-rivals.ts'
import { measureImage, measureRenamed, measureUnlike, type SpecialResult } from './delta-special.ts'
import { formatSeconds, print } from './figures.ts'

export interface DeltaOptions extends Selection {
  readonly cacheFolder: string
  readonly rivals: boolean
  /** Also what is no pair of versions. */
  readonly special: boolean
  readonly modes: readonly Compression[]
  readonly json: boolean
}

/** Where the data sets are kept unless another folder is named. */
export const defaultCacheFolder = join(tmpdir(), 'mirrorswarm-data-sets')

const say = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

const unmeasured: RivalResults = { rsync: null, rsyncZ: null, zsync: null }

type Networks = ReadonlyMap<Compression, DeltaNetwork>

const measurePair = async (pair: Pair, networks: Networks, rivals: Rivals | null): Promise<Row> => {
  const { kind, name, path, oldFile, newFile, newBytes } = pair
  const theirs = (await rivals?.measure(oldFile, newFile)) ?? unmeasured
  const ours = new Map<Compression, OursResult>()
  for (const [mode, network] of networks) {
    await network.prepare(new Map([[path, oldFile]]))
    ours.set(mode, await network.measure(path, newFile))
  }
  const { rsync, rsyncZ, zsync } = theirs
  const row = { kind, name, newBytes, rsync, rsyncZ, zsync }
  return { ...row, plain: ours.get('none') ?? null, zstd: ours.get('zstd') ?? null }
}

const measureSpecial = async (
  networks: Networks,
  cache: Cache,
  rivals: Rivals | null,
): Promise<SpecialResult[]> => {
  const network = networks.get('none') ?? networks.get('zstd')
  if (network === undefined) return []
  const results = [await measureRenamed(network, cache), await measureUnlike(network, cache)]
  const image = await measureImage(network, cache, rivals, say)
  return image === null ? results : [...results, image]
}

const printSpecial = (results: readonly SpecialResult[]): void => {
  if (results.length > 0) print('')
  for (const { name, newBytes, ours, zsync } of results) {
    const share = ((100 * ours.bytes) / newBytes).toFixed(3)
    const rival = zsync === null ? '' : `; zsync ${zsync.bytes} bytes`
    print(
      `${name} (${formatSize(newBytes)}): ${ours.bytes} bytes, ${share} %, ${formatSeconds(ours.durationMs)}${rival}`,
    )
  }
}

interface Figures {
  readonly rows: readonly Row[]
  readonly special: readonly SpecialResult[]
  readonly aims: readonly Aim[]
}

const printFigures = ({ rows, special, aims }: Figures): void => {
  printRows(rows)
  printSpecial(special)
  printCpu(rows)
  printPurposes(rows)
  printAims(aims)
}

const measureAll = async (pairs: readonly Pair[], cache: Cache, options: DeltaOptions) => {
  const networks = new Map<Compression, DeltaNetwork>()
  const rivals = options.rivals ? await Rivals.start(say) : null
  try {
    for (const mode of options.modes) networks.set(mode, await DeltaNetwork.start(mode))
    const rows: Row[] = []
    for (const pair of pairs) {
      const row = await measurePair(pair, networks, rivals)
      rows.push(row)
      say(describeRow(row))
    }
    const special = options.special ? await measureSpecial(networks, cache, rivals) : []
    return { rows, special }
  } finally {
    for (const network of networks.values()) await network.stop()
    await rivals?.stop()
  }
}

/** Run the bench and print its tables. False when an aim is missed. */
export const benchDelta = async (options: DeltaOptions): Promise<boolean> => {
  const cache = new Cache(options.cacheFolder)
  await cache.subfolder('.')
  const pairs = await buildPairs(cache, selectRecipes(options), say)
  const total = pairs.reduce((sum, { newBytes }) => sum + newBytes, 0)
  say(
    `${pairs.length} pairs, ${formatSize(total)}; ${cache.folder} keeps ${formatSize(await cache.sizeBytes())} for further runs`,
  )
  const { rows, special } = await measureAll(pairs, cache, options)
  const ofSpecial = special.map(({ aim }) => aim).filter(aim => aim !== null)
  const aims = [...aimsOfPairs(rows), ...ofSpecial]
  if (options.json) print(JSON.stringify({ rows, special, aims }, null, 1))
  else printFigures({ rows, special, aims })
  return aims.every(isKept)
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      small: { type: 'boolean', default: false },
      cache: { type: 'string', default: defaultCacheFolder },
      'no-rivals': { type: 'boolean', default: false },
      'no-special': { type: 'boolean', default: false },
      mode: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const modes: readonly Compression[] =
    values.mode === 'none' || values.mode === 'zstd' ? [values.mode] : ['none', 'zstd']
  const kept = await benchDelta({
    only: values.only === undefined ? null : new RegExp(values.only),
    small: values.small,
    cacheFolder: resolve(values.cache),
    rivals: !values['no-rivals'],
    special: !values['no-special'],
    modes,
    json: values.json,
  })
  if (!kept) process.exitCode = 1
}
