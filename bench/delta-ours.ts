// What mirrorswarm itself needs for a new version of a file: a real origin and a real volunteer, with
// a proxy between them that counts every byte of TCP payload from the publish until all is in place.

import { copyFile, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { systemCode } from '../core/errors.ts'
import { hashFile } from '../loadtest/compare-trees.ts'
import type { Daemon } from '../loadtest/daemon.ts'
import { waitUntil } from '../loadtest/deadline.ts'
import type { MetricSeries } from '../loadtest/metrics.ts'
import { Network, type Volunteer } from '../loadtest/network.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { TcpProxy } from '../loadtest/tcp-proxy.ts'

export type Compression = 'none' | 'zstd'

/** Bytes by what they were for, requests and answers together. */
export interface ByPurpose {
  readonly announces: number
  /** Heads, parts of the manifest, metainfo of bundles. */
  readonly manifest: number
  /** `POST /-/v1/ranges`: chunk hashes, anchors and runs. */
  readonly ranges: number
  /** Pieces and whole contents. */
  readonly content: number
  readonly other: number
}

export interface OursResult {
  /** Both directions. */
  readonly bytes: number
  readonly purposes: ByPurpose
  /** From the publish until the origin knows that the volunteer has it. */
  readonly durationMs: number
  /** Of both daemons. */
  readonly cpuSeconds: number
  /** How the volunteer's own counters of the delta changed, by series. */
  readonly delta: Readonly<Record<string, number>>
}

const fillerFiles = 100
const fillerBytes = 1_000
const syncTimeoutMs = 900_000

interface Marks {
  readonly bytes: number
  readonly purposes: ByPurpose
  readonly cpuSeconds: number
  readonly series: Readonly<Record<string, number>>
}

const seriesOfDelta = (all: readonly MetricSeries[]): Record<string, number> => {
  const found: Record<string, number> = {}
  for (const { name, labels, value } of all) {
    if (!name.startsWith('mirrorswarm_delta_')) continue
    found[[name.replace('mirrorswarm_delta_', ''), ...Object.values(labels)].join(' ')] = value
  }
  return found
}

const purposeOf = (line: string, sha256: string): keyof ByPurpose => {
  const path = line.split(' ')[1] ?? ''
  if (path === '/-/v1/announce') return 'announces'
  if (path === '/-/v1/ranges') return 'ranges'
  if (path === `/-/v1/contents/${sha256}`) return 'content'
  return path.startsWith('/-/v1/') ? 'manifest' : 'other'
}

const isThere = async (file: string): Promise<boolean> => {
  try {
    await stat(file)
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}

const purposesBetween = (before: ByPurpose, after: ByPurpose): ByPurpose => ({
  announces: after.announces - before.announces,
  manifest: after.manifest - before.manifest,
  ranges: after.ranges - before.ranges,
  content: after.content - before.content,
  other: after.other - before.other,
})

const seriesBetween = (
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): Record<string, number> =>
  Object.fromEntries(Object.entries(after).map(([key, sum]) => [key, sum - (before[key] ?? 0)]))

/** One origin and one volunteer that live through all pairs. */
export class DeltaNetwork {
  readonly #network: Network
  readonly #proxy: TcpProxy
  readonly #volunteer: Volunteer
  readonly #compression: Compression
  #paths: string[] = []

  private constructor(
    network: Network,
    proxy: TcpProxy,
    volunteer: Volunteer,
    compression: Compression,
  ) {
    this.#network = network
    this.#proxy = proxy
    this.#volunteer = volunteer
    this.#compression = compression
  }

  static async start(compression: Compression): Promise<DeltaNetwork> {
    const network = await Network.prepare({
      name: 'delta',
      // Published on demand only, so that no look at the tree falls into a measurement.
      originArgs: ['--scan-interval', '1h', '--log-level', 'warn'],
    })
    let proxy: TcpProxy | null = null
    try {
      // Without them each removal would be a tenth of the repository, which is not published.
      for (let index = 0; index < fillerFiles; index++) {
        await writeFile(
          join(network.repository, `filler-${index}.bin`),
          noise(`filler ${index}`, fillerBytes),
        )
      }
      await network.origin.start()
      await network.publish()
      const { hostname, port } = new URL(network.origin.url)
      proxy = await TcpProxy.start({ host: hostname, port: Number(port) })
      const volunteer = await network.addVolunteer({
        originUrl: `http://127.0.0.1:${proxy.port}`,
        args: ['--compression', compression, '--grace', '0', '--log-level', 'warn'],
      })
      await network.waitForState('synced')
      return new DeltaNetwork(network, proxy, volunteer, compression)
    } catch (error) {
      await proxy?.stop()
      await network.stop()
      throw error
    }
  }

  get repository(): string {
    return this.#network.repository
  }

  async stop(): Promise<void> {
    await this.#network.stop()
    await this.#proxy.stop()
  }

  /** Have these files (by path) and nothing else of before, at the volunteer too. */
  async prepare(files: ReadonlyMap<string, string>): Promise<void> {
    const gone = this.#paths.filter(path => !files.has(path))
    for (const path of gone) await rm(join(this.repository, path))
    for (const [path, file] of files) await this.#put(path, file)
    this.#paths = [...files.keys()]
    await this.#publish()
    for (const path of gone) {
      const file = join(this.#volunteer.mirror, path)
      await waitUntil(`${path} to be deleted`, async () => !(await isThere(file)))
    }
  }

  /** Publish `file` at `path` and count what the volunteer needs for it. */
  async measure(path: string, file: string): Promise<OursResult> {
    await this.#put(path, file)
    if (!this.#paths.includes(path)) this.#paths.push(path)
    return await this.#count(path, await hashFile(file))
  }

  /** The file at `from` gets the name `to`; count what that takes. */
  async measureRename(from: string, to: string): Promise<OursResult> {
    const target = join(this.repository, to)
    await mkdir(dirname(target), { recursive: true })
    await rename(join(this.repository, from), target)
    this.#paths = this.#paths.map(path => (path === from ? to : path))
    return await this.#count(to, await hashFile(target))
  }

  async #count(path: string, sha256: string): Promise<OursResult> {
    const before = await this.#marks(sha256)
    const started = performance.now()
    await this.#publish()
    const durationMs = performance.now() - started
    const after = await this.#marks(sha256)
    if ((await hashFile(join(this.#volunteer.mirror, path))) !== sha256) {
      throw new Error(`${path} is not what was published`)
    }
    this.#checkCompression()
    return {
      bytes: after.bytes - before.bytes,
      purposes: purposesBetween(before.purposes, after.purposes),
      durationMs,
      cpuSeconds: after.cpuSeconds - before.cpuSeconds,
      delta: seriesBetween(before.series, after.series),
    }
  }

  // Uncompressed figures are compared with rivals that do not compress: they must really be that.
  #checkCompression(): void {
    if (this.#compression === 'zstd') return
    const compressed = this.#proxy.requests.find(
      ({ line, answerHead }) =>
        line.includes('/-/v1/ranges') && /\r\ncontent-encoding: zstd\r\n/i.test(answerHead),
    )
    if (compressed !== undefined) throw new Error('answers to ranges are compressed without a wish')
  }

  // A copy under another name first: nobody may see half a file. Not a link, since links change the
  // times by which the origin knows a file.
  async #put(path: string, file: string): Promise<void> {
    const target = join(this.repository, path)
    await mkdir(dirname(target), { recursive: true })
    const unfinished = join(dirname(target), `.mirrorswarm-${basename(target)}`)
    await copyFile(file, unfinished)
    await rename(unfinished, target)
  }

  async #publish(): Promise<void> {
    await this.#network.publish()
    await this.#network.waitForState('synced', { timeoutMs: syncTimeoutMs })
  }

  async #marks(sha256: string): Promise<Marks> {
    const volunteer: Daemon = this.#volunteer
    const series = seriesOfDelta(await this.#network.metrics(volunteer))
    const sums = { announces: 0, manifest: 0, ranges: 0, content: 0, other: 0 }
    let known = 0
    for (const { line, bytes, answerBytes } of this.#proxy.requests) {
      sums[purposeOf(line, sha256)] += bytes + answerBytes
      known += bytes + answerBytes
    }
    const bytes = this.#proxy.sentBytes + this.#proxy.receivedBytes
    return {
      bytes,
      purposes: { ...sums, other: sums.other + bytes - known },
      cpuSeconds: this.#network.origin.cpuSeconds() + volunteer.cpuSeconds(),
      series,
    }
  }
}
