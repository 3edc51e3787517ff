// Fills an empty mirror from an rsync server before the swarm goes on: only paths in scope, only if
// there is room, only in the owner's hours, resumable. What came is adopted as any copy is: verified
// by its hashes, and replaced where they differ.

import { type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from '../core/clock.ts'
import { describeError, MirrorswarmError, systemCode } from '../core/errors.ts'
import type { Logger } from '../core/log.ts'
import { bootstrapAttempts, listBufferBytes } from '../core/program-limits.ts'
import { pathFromBytes } from '../core/repo-path.ts'
import { runRsync } from '../core/rsync.ts'
import type { Scope } from '../manifest/logic/scope.ts'
import type { HeldStore } from './held-store.ts'
import { backoffMs } from './logic/backoff.ts'
import { parseListed } from './logic/rsync-list.ts'
import type { Space } from './space.ts'

export interface BootstrapParts {
  readonly store: Pick<HeldStore, 'adopting' | 'meta' | 'setMeta'>
  readonly space: Pick<Space, 'usableBytes'>
  readonly scope: Scope
  readonly random: Random
  readonly logger: Logger
}

export interface BootstrapOptions {
  /** See checkRsyncSource. */
  readonly source: string
  readonly mirrorDir: string
  /** Unfinished files and lists are kept below it. */
  readonly dataDir: string
  readonly quotaBytes: number | null
  readonly downloadLimitBytesPerSecond: number | null
  /** Outside the owner's hours: begin asleep. */
  readonly open: boolean
}

const metaKey = 'bootstrap'
const ownPrefix = '.mirrorswarm'

interface Wanted {
  readonly listFile: string
  readonly files: number
  readonly bytes: number
}

/** There is nothing to be gained by trying again. */
const hopeless = new Set(['MS_CONFIG_INVALID', 'MS_DISK_FULL'])

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })

/** Names on their way to a file, in little memory: who adds one waits while many are written. */
class NameList {
  readonly #handle: FileHandle
  #parts: Uint8Array[] = []
  #bytes = 0

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  /** A promise when it must be waited for. */
  add(name: Uint8Array): void | Promise<void> {
    this.#parts.push(name, Buffer.of(0))
    this.#bytes += name.length + 1
    return this.#bytes < listBufferBytes ? undefined : this.flush()
  }

  async flush(): Promise<void> {
    const parts = this.#parts
    this.#parts = []
    this.#bytes = 0
    await this.#handle.appendFile(Buffer.concat(parts))
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

export class Bootstrap {
  readonly #parts: BootstrapParts
  readonly #options: BootstrapOptions
  #open: boolean
  #running = false
  /** Aborted when the hours end. */
  #hours = new AbortController()
  #opened: (() => void) | null = null

  constructor(parts: BootstrapParts, options: BootstrapOptions) {
    this.#parts = parts
    this.#options = options
    this.#open = options.open
  }

  /** What it is at, for people; null when it is not. */
  get reason(): string | null {
    return this.#running ? `filling the mirror from ${this.#options.source}` : null
  }

  /** The owner's hours begin or end. */
  setOpen(open: boolean): void {
    if (this.#open === open) return
    this.#open = open
    if (open) {
      this.#hours = new AbortController()
      this.#opened?.()
    } else this.#hours.abort(new MirrorswarmError('MS_VOLUNTEER_BUSY', 'outside the hours'))
  }

  /** Resolves when the mirror is filled, or when it is not to be filled so. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger, store, random } = this.#parts
    const { source } = this.#options
    if (!(await this.#isDue())) return
    this.#running = true
    try {
      for (let failures = 0; failures < bootstrapAttempts && !signal.aborted; ) {
        await this.#untilOpen(signal)
        const hours = this.#hours.signal
        try {
          await this.#fill(AbortSignal.any([signal, hours]))
          store.setMeta(metaKey, 'done')
          return
        } catch (error) {
          if (signal.aborted) return
          if (hours.aborted) continue
          failures += 1
          const last = failures === bootstrapAttempts || this.#isHopeless(error)
          const fields = { source, error: describeError(error) }
          logger.warn(fields, last ? 'the mirror is not filled by rsync' : 'rsync is tried again')
          if (last) return
          await pause(backoffMs(failures, random), signal)
        }
      }
    } finally {
      this.#running = false
    }
  }

  #isHopeless(error: unknown): boolean {
    return error instanceof MirrorswarmError && hopeless.has(error.code)
  }

  /** A folder with files in it is its owner's; what an earlier run began goes on. */
  async #isDue(): Promise<boolean> {
    const { store, logger } = this.#parts
    const state = store.meta(metaKey)
    if (!store.adopting || state === 'done') return false
    if (state === 'begun') return true
    const names = await readdir(this.#options.mirrorDir)
    if (names.every(name => name.startsWith(ownPrefix))) return true
    logger.info({}, 'the mirror is not empty: it is not filled by rsync')
    return false
  }

  async #untilOpen(signal: AbortSignal): Promise<void> {
    if (this.#open || signal.aborted) return
    await new Promise<void>(resolve => {
      this.#opened = resolve
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    this.#opened = null
  }

  async #fill(signal: AbortSignal): Promise<void> {
    const { store, logger } = this.#parts
    const { source, mirrorDir, dataDir, downloadLimitBytesPerSecond: limit } = this.#options
    const folder = join(dataDir, 'bootstrap')
    const [partial, temporary] = [join(folder, 'partial'), join(folder, 'temporary')]
    await rm(temporary, { recursive: true, force: true })
    await mkdir(partial, { recursive: true })
    await mkdir(temporary)
    const wanted = await this.#list(folder, signal)
    await this.#checkRoom(wanted)
    // From here on what is in the mirror is ours.
    store.setMeta(metaKey, 'begun')
    logger.info({ source, files: wanted.files, bytes: wanted.bytes }, 'filling the mirror by rsync')
    await runRsync({
      options: [
        ...[`--partial-dir=${partial}`, `--temp-dir=${temporary}`, '--omit-dir-times'],
        ...['--from0', `--files-from=${wanted.listFile}`],
        // rsync counts in units of 1,024 bytes.
        ...(limit === null ? [] : [`--bwlimit=${Math.max(1, Math.floor(limit / 1024))}`]),
      ],
      source,
      target: mirrorDir,
      signal,
    })
    await rm(folder, { recursive: true, force: true })
    logger.info({ source, files: wanted.files }, 'the mirror was filled by rsync')
  }

  /** What rsync would send, without what is out of scope, as a list for rsync. */
  async #list(folder: string, signal: AbortSignal): Promise<Wanted> {
    const listFile = join(folder, 'files')
    let files = 0
    let bytes = 0
    const list = new NameList(await open(listFile, 'w'))
    const take = (line: string): void | Promise<void> => {
      const listed = parseListed(line)
      if (listed === null || !this.#parts.scope(pathFromBytes(listed.name))) return
      files += 1
      bytes += listed.sizeBytes
      return list.add(listed.name)
    }
    try {
      const { source, mirrorDir: target } = this.#options
      const options = ['--dry-run', '--out-format=%l %n']
      await runRsync({ options, source, target, onLine: take, signal })
      await list.flush()
    } catch (error) {
      if (systemCode(error) !== 'ENOSPC' && systemCode(error) !== 'EDQUOT') throw error
      throw new MirrorswarmError('MS_DISK_FULL', `no space left for ${listFile}`, { cause: error })
    } finally {
      await list.close()
    }
    return { listFile, files, bytes }
  }

  async #checkRoom({ bytes }: Wanted): Promise<void> {
    const { store, space } = this.#parts
    const { quotaBytes } = this.#options
    const full = (what: string): MirrorswarmError =>
      new MirrorswarmError('MS_DISK_FULL', `the server offers ${bytes} bytes in scope: ${what}`)
    // The quota was compared before the first byte came; now less is left to come.
    if (quotaBytes !== null && store.meta(metaKey) !== 'begun' && bytes > quotaBytes) {
      throw full('more than --quota')
    }
    if (bytes > (await space.usableBytes())) throw full('more than --min-free leaves')
  }
}

/** Null when the owner names no server. */
export const makeBootstrap = (
  parts: BootstrapParts,
  options: Omit<BootstrapOptions, 'source'> & { readonly source: string | null },
): Bootstrap | null => {
  const { source } = options
  return source === null ? null : new Bootstrap(parts, { ...options, source })
}
