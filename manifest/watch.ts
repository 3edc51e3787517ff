// Decides when a tree that is being edited is worth publishing: marker files are watched by file
// events, the rest by looking at it from time to time, and only a tree that has been still for the
// settle time counts.

import type { Clock } from '../core/clock.ts'
import { MirrorswarmError } from '../core/errors.ts'
import type { RepoPath } from '../core/ids.ts'
import { FolderWatches } from './folder-watches.ts'
import { matchPaths } from './logic/path-pattern.ts'
import { type Look, lookAtTree } from './tree-look.ts'

/** Files that repository tools write last, when everything else is in place. */
export const defaultMarkers: readonly string[] = [
  ...['Release', 'InRelease', 'repomd.xml', '*.db', '*.db.tar.gz', 'APKINDEX.tar.gz'],
  ...['SHA256SUMS', 'CHECKSUM', '*-CHECKSUM'],
]

/** Looking may cost this part of the time, whatever the interval says. */
const looksPerPause = 20

export interface WatchOptions {
  /** Patterns as `matchPaths` takes them; `defaultMarkers` by default. */
  readonly markers?: readonly string[]
  /** How long the tree must not change. */
  readonly settleMs: number
  readonly scanIntervalMs: number
  readonly clock: Clock
  /**
   * Publish. Never called while an earlier call runs. After an error it is called again: when the
   * tree changes, and after the interval if the error is retryable.
   */
  readonly onSettled: (signal: AbortSignal) => Promise<void>
  /** Told of failed looks, failed calls of `onSettled`, and folders that cannot be watched. */
  readonly onProblem: (error: unknown) => void
}

/** Resolves after a time, at an event, or at the end. */
class Alarm {
  #ring: (() => void) | null = null
  #rung = false

  ring(): void {
    this.#rung = true
    this.#ring?.()
  }

  /** True if it was rung, now or since the last wait. */
  async wait(timeMs: number): Promise<boolean> {
    if (!this.#rung) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, timeMs)
      this.#ring = resolve
      await promise
      clearTimeout(timer)
      this.#ring = null
    }
    const rung = this.#rung
    this.#rung = false
    return rung
  }
}

export class TreeWatcher {
  readonly #root: string
  readonly #options: WatchOptions
  readonly #isMarker: (path: RepoPath) => boolean
  readonly #watches: FolderWatches
  readonly #alarm = new Alarm()
  readonly #stopping = new AbortController()
  /** Ends the waits that nothing but the end may cut short. */
  readonly #end = new Alarm()
  #running: Promise<void> | null = null
  #handled: string | null = null
  #lookMs = 0

  constructor(root: string, options: WatchOptions) {
    this.#root = root
    this.#options = options
    this.#isMarker = matchPaths(options.markers ?? defaultMarkers)
    this.#watches = new FolderWatches(root, {
      onEvent: path => {
        if (path === null || this.#isMarker(path)) this.#alarm.ring()
      },
      onProblem: (folder, error) =>
        options.onProblem(new Error(`cannot watch the folder "/${folder}"`, { cause: error })),
    })
  }

  /** Calls `onSettled` for the first time at once, then whenever the tree changed and settled. */
  start(): void {
    this.#running ??= this.#run()
  }

  /** Look now instead of after the interval. */
  wake(): void {
    this.#alarm.ring()
  }

  /** Resolves when nothing runs any more; a call of `onSettled` is told by its signal. */
  async stop(): Promise<void> {
    this.#stopping.abort(new MirrorswarmError('MS_INTERNAL', 'watching has stopped'))
    this.#alarm.ring()
    this.#end.ring()
    this.#watches.close()
    await this.#running
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted
  }

  async #run(): Promise<void> {
    const first = await this.#look()
    if (first !== null) await this.#publish(first.fingerprint)
    while (!this.#stopped) {
      const { scanIntervalMs } = this.#options
      await this.#alarm.wait(Math.max(scanIntervalMs, this.#lookMs * looksPerPause))
      const look = this.#stopped ? null : await this.#look()
      if (look === null || look.fingerprint === this.#handled) continue
      const settled = await this.#settle(look)
      if (settled !== null) await this.#publish(settled.fingerprint)
    }
  }

  /** Look until two looks, the settle time apart, see the same. */
  async #settle(first: Look): Promise<Look | null> {
    let before = first
    while (!this.#stopped) {
      await this.#end.wait(this.#options.settleMs)
      const look = this.#stopped ? null : await this.#look()
      if (look === null || look.fingerprint === before.fingerprint) return look
      before = look
    }
    return null
  }

  async #look(): Promise<Look | null> {
    const { clock, onProblem } = this.#options
    const startedMs = clock.monotonicMs()
    try {
      const look = await lookAtTree(this.#root, this.#isMarker, this.#stopping.signal)
      if (!this.#stopped) this.#watches.set(look.folders)
      return look
    } catch (error) {
      if (!this.#stopped) onProblem(error)
      return null
    } finally {
      this.#lookMs = clock.monotonicMs() - startedMs
    }
  }

  async #publish(fingerprint: string): Promise<void> {
    const { onSettled, onProblem } = this.#options
    try {
      await onSettled(this.#stopping.signal)
      this.#handled = fingerprint
    } catch (error) {
      if (this.#stopped) return
      // A refusal that trying again cannot change stands until the tree changes.
      if (error instanceof MirrorswarmError && !error.retryable) this.#handled = fingerprint
      onProblem(error)
    }
  }
}
