// For tests: contents made of pseudo-random bytes, an origin in memory that counts what it sends,
// and volunteers that place what they download in a folder of their own.

import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { connect, type TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import { type Clock, seededRandom, systemClock } from '../core/clock.ts'
import { MirrorswarmError } from '../core/errors.ts'
import type { ContentNumber, InfoHash, Sha256, VolunteerName } from '../core/ids.ts'
import { generateKeys } from '../core/keys.ts'
import { silentLogger } from '../core/log.ts'
import { RateLimiter } from '../core/rate-limiter.ts'
import { type LoadedBundle, readBundle } from './bundle.ts'
import type { PeerAddress } from './connections.ts'
import type { HeldFile } from './held-files.ts'
import { piecesFor } from './logic/layout.ts'
import { areRuns, runEnd } from './logic/runs.ts'
import { bundleMetainfo, type HashedContent, type MadeMetainfo } from './metainfo.ts'
import type { OriginRunsFetch } from './origin-runs.ts'
import { credentialsOf, type PeerIdentity, type PeerRoster } from './peer-identity.ts'
import type { Prefill } from './prefills.ts'
import { Swarm } from './swarm.ts'

export interface TestContent extends HashedContent {
  readonly number: ContentNumber
  readonly bytes: Buffer
}

const sha1 = (data: Uint8Array): Buffer => createHash('sha1').update(data).digest()

export const hashContent = (
  bytes: Buffer,
  number: ContentNumber,
  pieceLengthBytes: number,
): TestContent => {
  const count = piecesFor(bytes.length, pieceLengthBytes)
  const parts = Array.from({ length: count }, (_, k) =>
    bytes.subarray(k * pieceLengthBytes, (k + 1) * pieceLengthBytes),
  )
  const padded = parts.map(part =>
    Buffer.concat([part, Buffer.alloc(pieceLengthBytes - part.length)]),
  )
  return {
    number,
    bytes,
    sha256: createHash('sha256').update(bytes).digest('hex') as Sha256,
    sizeBytes: bytes.length,
    pieces: Buffer.concat(padded.map(sha1)),
    lastPiece: sha1(parts.at(-1) ?? Buffer.alloc(0)),
  }
}

export const makeContents = (
  sizes: readonly number[],
  pieceLengthBytes: number,
  seed = 1,
): TestContent[] => {
  const random = seededRandom(seed)
  return sizes.map((size, number) => {
    const bytes = Buffer.alloc(size)
    for (let at = 0; at < size; at += 4) {
      const word = Math.floor(random() * 2 ** 32)
      for (let byte = 0; byte < 4 && at + byte < size; byte++)
        bytes[at + byte] = word >>> (8 * byte)
    }
    return hashContent(bytes, number, pieceLengthBytes)
  })
}

/** A bundle of test contents, as a volunteer loads it. */
export interface TestBundle extends MadeMetainfo {
  readonly contents: readonly TestContent[]
  readonly uniqueBytes: number
  readonly numbers: readonly ContentNumber[]
  loaded(held?: Iterable<ContentNumber>): LoadedBundle
}

export const makeBundle = (
  sizes: readonly number[],
  pieceLengthBytes: number,
  seed = 1,
): TestBundle => {
  const contents = makeContents(sizes, pieceLengthBytes, seed)
  const made = bundleMetainfo(contents, pieceLengthBytes)
  return {
    ...made,
    contents,
    uniqueBytes: contents.reduce((sum, content) => sum + content.sizeBytes, 0),
    numbers: contents.map(content => content.number),
    loaded: (held = []) => readBundle(made.metainfo, made.infoHash, contents, new Set(held)),
  }
}

/** An origin that lives in memory. */
export class MemoryOrigin {
  sentBytes = 0
  requests = 0
  /** Requests for runs, and the runs asked for in them. */
  runRequests = 0
  runs = 0
  mostAtOnce = 0
  /** How each request fails, if it shall. */
  failure: (() => Error) | null = null
  /** Called before each part is sent; waiting here slows the origin down. */
  beforePart: (() => Promise<void>) | null = null
  readonly #contents = new Map<Sha256, Buffer>()
  #atOnce = 0

  constructor(bundles: readonly TestBundle[]) {
    for (const { contents } of bundles) {
      for (const { sha256, bytes } of contents) this.#contents.set(sha256, bytes)
    }
  }

  readonly fetch = async (
    sha256: Sha256,
    offset: number,
    length: number,
    signal: AbortSignal,
  ): Promise<Readable> => {
    this.requests++
    if (this.failure !== null) throw this.failure()
    const bytes = this.#contents.get(sha256)
    if (bytes === undefined) throw new MirrorswarmError('MS_CONTENT_NOT_HELD', 'no such content')
    if (offset + length > bytes.length) throw new Error('a range beyond the end')
    return Readable.from(this.#parts(bytes.subarray(offset, offset + length), signal))
  }

  readonly fetchRuns: OriginRunsFetch = async (asks, signal) => {
    this.runRequests++
    if (this.failure !== null) throw this.failure()
    const parts: Buffer[] = []
    for (const { sha256, runs } of asks) {
      const bytes = this.#contents.get(sha256)
      if (bytes === undefined) {
        throw Object.assign(new MirrorswarmError('MS_CONTENT_NOT_HELD', 'no such content'), {
          sha256,
        })
      }
      if (!areRuns(runs, bytes.length)) throw new Error('no runs of this content')
      this.runs += runs.length
      for (const run of runs) parts.push(bytes.subarray(run.offset, runEnd(run)))
    }
    return this.#parts(Buffer.concat(parts), signal)
  }

  async *#parts(bytes: Buffer, signal: AbortSignal): AsyncGenerator<Buffer> {
    this.#atOnce++
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce)
    try {
      for (let at = 0; at < bytes.length; at += 64 * 1024) {
        await nextTurn()
        await this.beforePart?.()
        signal.throwIfAborted()
        const part = bytes.subarray(at, at + 64 * 1024)
        this.sentBytes += part.length
        yield part
      }
    } finally {
      this.#atOnce--
    }
  }
}

/** A roster in memory; `everybody` is the one that test volunteers share unless told otherwise. */
export class TestRoster implements PeerRoster {
  readonly #names = new Map<string, VolunteerName>()
  readonly #listeners = new Set<() => void>()

  nameOf(publicKey: string): VolunteerName | null {
    return this.#names.get(publicKey) ?? null
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  add(name: VolunteerName, publicKey: string): void {
    this.#names.set(publicKey, name)
    for (const listener of this.#listeners) listener()
  }

  remove(name: VolunteerName): void {
    for (const [key, each] of this.#names) if (each === name) this.#names.delete(key)
    for (const listener of this.#listeners) listener()
  }
}

export const everybody = new TestRoster()
let identities = 0

/** A new name and key; in `roster` from now on, unless that is null. */
export const makeIdentity = (roster: TestRoster | null = everybody): PeerIdentity => {
  const { privateKey, publicKey } = generateKeys('ed25519')
  const name = `volunteer-${++identities}` as VolunteerName
  roster?.add(name, publicKey)
  return { name, privateKey }
}

/** A bare connection to a volunteer, as somebody of the roster (or not) would make it. */
export const dial = (
  { host, port }: Pick<PeerAddress, 'host' | 'port'>,
  identity: PeerIdentity = makeIdentity(),
): TLSSocket => {
  const socket = connect({ host, port, ...credentialsOf(identity) })
  socket.on('error', () => undefined)
  return socket
}

export interface TestVolunteerOptions {
  readonly identity?: PeerIdentity
  readonly roster?: PeerRoster
  readonly uploadLimiter?: RateLimiter
  readonly downloadLimiter?: RateLimiter
  readonly clock?: Clock
  readonly port?: number
  readonly prefill?: Prefill
}

/** A volunteer that holds what it downloaded in its folder. */
export class TestVolunteer {
  readonly swarm: Swarm
  readonly identity: PeerIdentity
  readonly folder: string
  readonly held = new Map<ContentNumber, HeldFile>()
  port = 0
  readonly #bundles: readonly TestBundle[]

  constructor(
    folder: string,
    bundles: readonly TestBundle[],
    origin: MemoryOrigin,
    options: TestVolunteerOptions = {},
  ) {
    this.folder = folder
    this.#bundles = bundles
    this.identity = options.identity ?? makeIdentity()
    this.swarm = new Swarm(
      {
        source: { openHeld: async number => this.held.get(number) ?? null },
        originFetch: origin.fetch,
        originRuns: origin.fetchRuns,
        ...(options.prefill === undefined ? {} : { prefill: options.prefill }),
        logger: silentLogger,
        identity: this.identity,
        roster: options.roster ?? everybody,
        uploadLimiter: options.uploadLimiter ?? new RateLimiter(null),
        downloadLimiter: options.downloadLimiter ?? new RateLimiter(null),
        clock: options.clock ?? systemClock,
        loadBundle: async infoHash => this.load(infoHash),
      },
      { host: '127.0.0.1', port: options.port ?? 0, dataDir: folder },
    )
  }

  async start(): Promise<this> {
    await mkdir(join(this.folder, 'mirror'), { recursive: true })
    this.port = (await this.swarm.start()).port
    return this
  }

  get address(): PeerAddress {
    return { name: this.identity.name, host: '127.0.0.1', port: this.port }
  }

  load(infoHash: InfoHash): LoadedBundle | null {
    const bundle = this.#bundles.find(bundle => bundle.infoHash === infoHash)
    return bundle?.loaded(this.held.keys()) ?? null
  }

  file(number: ContentNumber): string {
    return join(this.folder, 'mirror', String(number))
  }

  /** Download all or some of a bundle and place it. */
  async download(
    bundle: TestBundle,
    wanted: readonly ContentNumber[] = bundle.numbers,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<void> {
    const loaded = bundle.loaded(this.held.keys())
    const onMember = async (number: ContentNumber, partial: string): Promise<void> => {
      const content = bundle.contents.find(content => content.number === number)
      const bytes = await readFile(partial)
      if (content === undefined || !bytes.equals(content.bytes)) {
        throw new MirrorswarmError('MS_CONTENT_MISMATCH', `content ${number} is wrong`)
      }
      await rename(partial, this.file(number))
      await this.hold(number)
    }
    await this.swarm.download(loaded, wanted, { signal, onMember })
  }

  /** The content's file is in place. */
  async hold(number: ContentNumber): Promise<void> {
    const file = this.file(number)
    const { size, mtimeNs } = await stat(file, { bigint: true })
    this.held.set(number, { file, sizeBytes: Number(size), modifiedNs: mtimeNs })
  }

  /** Which of a bundle's contents are in place, byte for byte? */
  async placed(bundle: TestBundle): Promise<ContentNumber[]> {
    const right: ContentNumber[] = []
    for (const { number, bytes } of bundle.contents) {
      const data = await readFile(this.file(number)).catch(() => null)
      if (data?.equals(bytes)) right.push(number)
    }
    return right
  }
}

/** Tell all of these volunteers of each other, as the tracker would, sharing among `downloaders`. */
export const introduce = (
  bundle: TestBundle,
  volunteers: readonly TestVolunteer[],
  downloaders: readonly TestVolunteer[] = volunteers,
): void => {
  downloaders.forEach((volunteer, index) => {
    const peers = volunteers.filter(other => other !== volunteer).map(other => other.address)
    const names = downloaders.map(each => each.identity.name)
    const share = { index, count: downloaders.length, names }
    volunteer.swarm.updatePeers(bundle.infoHash, peers, share)
  })
}

/** Wait until something is so, at most `deadlineMs`. */
export const until = async (what: () => boolean | Promise<boolean>, deadlineMs = 10_000) => {
  const endMs = performance.now() + deadlineMs
  while (!(await what())) {
    if (performance.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await sleep(5)
  }
}

/** Started volunteers in folders of the test's own, stopped when it ends. */
export const startVolunteers = async (
  t: Test,
  count: number,
  bundles: readonly TestBundle[],
  origin: MemoryOrigin,
  options: TestVolunteerOptions = {},
): Promise<TestVolunteer[]> => {
  const folder = t.testdir()
  const made = Array.from(
    { length: count },
    (_, index) => new TestVolunteer(join(folder, `${index}`), bundles, origin, options),
  )
  t.teardown(() => Promise.all(made.map(volunteer => volunteer.swarm.stop())))
  await Promise.all(made.map(volunteer => volunteer.start()))
  return made
}
