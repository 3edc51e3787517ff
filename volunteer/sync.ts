// The volunteer's loop: newest head, apply it, make the mirror show it, delete what is retired, wait
// for news. Every failure is logged and tried again later; only stop() ends it.

import type { Clock, Random } from '../core/clock.ts'
import { describeError, systemCode } from '../core/errors.ts'
import type { Epoch, RepoPath, SnapshotNumber } from '../core/ids.ts'
import type { Logger } from '../core/log.ts'
import { defaultGraceMs } from '../core/update-limits.ts'
import {
  backoffMostMs,
  deletedForRoom,
  recheckMs,
  spaceCheckMs,
  syncWakeMs,
  workSliceRows,
} from '../core/volunteer-limits.ts'
import type { Adopter } from './adopt.ts'
import type { Fetcher } from './fetch.ts'
import type { HeldStore } from './held-store.ts'
import { backoffMs } from './logic/backoff.ts'
import { type BusyTime, busyMsAt, neverBusy, setBusy } from './logic/busy-time.ts'
import type { Placer } from './place.ts'
import type { Phase, Reconciler } from './reconcile.ts'

export interface SnapshotName {
  readonly epoch: Epoch
  readonly number: SnapshotNumber
}

/** The manifest as the loop needs it: see manifest-follower.ts. */
export interface Follower {
  /** The snapshot that is applied; null before the first. */
  current(): SnapshotName | null
  /** Get the newest head and apply it; `onChange` comes before numbers may change their meaning. */
  catchUp(signal: AbortSignal, onChange: () => void): Promise<void>
}

export interface SyncParts {
  readonly follower: Follower
  readonly reconciler: Reconciler
  readonly adopter: Adopter
  readonly fetcher: Fetcher
  readonly placer: Placer
  readonly store: HeldStore
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly onMilestone: () => void
  /** Told of each failure that is tried again. */
  readonly onError?: (error: unknown) => void
  /** Throws when the mirror's disk is missing. */
  readonly checkMounted: () => Promise<void>
  /** Forgets old snapshots, when it is time to: see manifest-pruner.ts. */
  readonly pruneManifest?: (graceMs: number, signal: AbortSignal) => Promise<void>
}

export interface SyncOptions {
  /** The owner's word; null: as the origin asks. */
  readonly graceMs: number | null
  /** Outside the owner's hours: begin asleep. */
  readonly open: boolean
}

const sameSnapshot = (one: SnapshotName | null, other: SnapshotName | null): boolean =>
  one?.epoch === other?.epoch && one?.number === other?.number

export class Sync {
  readonly #parts: SyncParts
  #ownGraceMs: number | null
  #askedGraceMs = defaultGraceMs
  #makingRoom: Promise<void> | null = null
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #open: boolean
  #phase: Phase = 'idle'
  #busy: BusyTime = neverBusy
  /** Aborted by whatever makes the present round pointless. */
  #round = new AbortController()
  #wake: (() => void) | null = null
  #announced: SnapshotName | null = null
  #headDue = true
  #headFailures = 0
  #headNotBeforeMs = 0
  #workDue = true
  #recheckAtMs = 0
  #deleteNotBeforeMs = 0
  #lastError: string | null = null
  #headError: string | null = null

  constructor(parts: SyncParts, options: SyncOptions) {
    this.#parts = parts
    this.#ownGraceMs = options.graceMs
    this.#open = options.open
  }

  get #graceMs(): number {
    return this.#ownGraceMs ?? this.#askedGraceMs
  }

  get phase(): Phase {
    return this.#phase
  }

  /** Time spent synchronising since the start, milliseconds. */
  get busyMs(): number {
    return busyMsAt(this.#busy, this.#parts.clock.monotonicMs())
  }

  #noteBusy(): void {
    const busy = this.#open && this.#phase !== 'idle'
    this.#busy = setBusy(this.#busy, busy, this.#parts.clock.monotonicMs())
  }

  /** What failed last and has not succeeded since, for people. */
  get lastError(): string | null {
    return this.#headError ?? this.#lastError
  }

  /** The reconciler tells what it is at. */
  enter(phase: Phase): void {
    if (this.#phase === phase) return
    this.#phase = phase
    this.#noteBusy()
    this.#parts.onMilestone()
  }

  start(): void {
    const applied = this.#parts.follower.current()
    const placed = this.#parts.store.placedSnapshot()
    if (applied !== null && placed !== applied.number) this.#phase = 'syncing'
    this.#noteBusy()
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#round.abort()
    this.#wakeUp()
    await this.#parts.fetcher.stop()
    await this.#running
    await this.#makingRoom
  }

  /** An announce named the newest snapshot. */
  news(snapshot: SnapshotName | null): void {
    if (snapshot === null || sameSnapshot(snapshot, this.#announced)) return
    this.#announced = snapshot
    if (sameSnapshot(snapshot, this.#parts.follower.current())) return
    this.#headDue = true
    this.#headFailures = 0
    this.#headNotBeforeMs = 0
    this.#round.abort()
    this.#wakeUp()
  }

  /** An announce said how long retired files are to stay. */
  setGrace(graceMs: number): void {
    const before = this.#graceMs
    this.#askedGraceMs = graceMs
    if (this.#graceMs !== before) this.#wakeUp()
  }

  /** The owner's word from now on; null: as the origin asks. */
  setOwnGrace(graceMs: number | null): void {
    const before = this.#graceMs
    this.#ownGraceMs = graceMs
    if (this.#graceMs !== before) this.#wakeUp()
  }

  /** Something else is to be held: compare anew at once. What is being fetched goes on. */
  rechoose(): void {
    this.#workDue = true
    this.#round.abort()
    this.#wakeUp()
  }

  /** A held file is gone or changed: look after it. */
  lost(_path: RepoPath): void {
    this.#workDue = true
    this.#wakeUp()
  }

  /** The owner's hours begin or end. */
  async setOpen(open: boolean): Promise<void> {
    if (this.#open === open) return
    this.#open = open
    this.#noteBusy()
    this.#workDue = true
    this.#wakeUp()
    if (open) return
    this.#round.abort()
    await this.#parts.fetcher.stop()
  }

  #wakeUp(): void {
    this.#wake?.()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    let failures = 0
    while (!signal.aborted) {
      this.#round = new AbortController()
      try {
        const complete = !this.#open || (await this.#doRound(this.#round.signal))
        if (this.#round.signal.aborted || !complete) continue
        failures = 0
        await this.#sleep(this.#nextDueMs())
      } catch (error) {
        if (signal.aborted || this.#round.signal.aborted) continue
        failures++
        this.#parts.onError?.(error)
        this.#workDue = true
        const waitMs = Math.round(backoffMs(failures, this.#parts.random))
        this.#lastError = describeError(error)
        const fields = { error: this.#lastError, waitMs, failures }
        this.#parts.logger.warn(fields, 'synchronising failed, it will be tried again')
        await this.#sleep(waitMs)
      }
    }
  }

  /** True when nothing is left to do but to wait. */
  async #doRound(signal: AbortSignal): Promise<boolean> {
    const { follower, reconciler, adopter, clock } = this.#parts
    await this.#catchUp(signal)
    if (clock.monotonicMs() >= this.#recheckAtMs) {
      await this.#parts.checkMounted()
      if (await adopter.recheck(signal)) this.#workDue = true
      this.#recheckAtMs = clock.monotonicMs() + recheckMs
    }
    // Now too: what is to be fetched may need the space.
    await this.#deleteRetired(signal)
    const current = follower.current()
    if (current !== null && this.#workDue) {
      // Before the run: what is lost meanwhile makes it due again.
      this.#workDue = false
      let complete = false
      const watch = this.#watchDeletions()
      try {
        complete = await reconciler.run(current.number, signal)
      } finally {
        clearInterval(watch)
        if (!complete) this.#workDue = true
      }
      if (!complete) return false
      this.#parts.logger.info({ snapshot: current.number }, 'the mirror shows the snapshot')
      this.#lastError = null
    }
    this.enter('idle')
    await this.#deleteRetired(signal)
    await this.#parts.pruneManifest?.(this.#graceMs, signal)
    return true
  }

  /** Failing to reach the origin does not keep the mirror from showing what is known already. */
  async #catchUp(signal: AbortSignal): Promise<void> {
    const { follower, clock, logger } = this.#parts
    if (!this.#headDue || clock.monotonicMs() < this.#headNotBeforeMs) return
    try {
      await follower.catchUp(AbortSignal.any([signal, this.#stop.signal]), () => {
        this.#workDue = true
        this.enter('syncing')
      })
      this.#headError = null
      const behind = this.#announced !== null && !sameSnapshot(this.#announced, follower.current())
      this.#headDue = behind
      if (!behind) this.#headFailures = 0
      else this.#delayHead()
    } catch (error) {
      if (signal.aborted) throw error
      this.#delayHead()
      this.#parts.onError?.(error)
      this.#headError = describeError(error)
      logger.warn({ error: this.#headError }, 'cannot follow the origin, trying again')
    }
  }

  #delayHead(): void {
    this.#headFailures++
    this.#headNotBeforeMs =
      this.#parts.clock.monotonicMs() + backoffMs(this.#headFailures, this.#parts.random)
  }

  async #deleteRetired(signal: AbortSignal): Promise<void> {
    const { store, clock, logger, onMilestone } = this.#parts
    if (clock.monotonicMs() < this.#deleteNotBeforeMs) return
    store.clampRetired(clock.nowMs())
    let removed = 0
    const failed = new Set<RepoPath>()
    for (;;) {
      const page = store.retired(clock.nowMs() - this.#graceMs, workSliceRows)
      if (page.every(path => failed.has(path))) break
      for (const path of page) {
        signal.throwIfAborted()
        const how = await this.#delete(path)
        if (how === 'removed') removed++
        if (how === 'failed') failed.add(path)
      }
    }
    if (failed.size > 0) this.#deleteNotBeforeMs = clock.monotonicMs() + backoffMostMs
    if (removed === 0) return
    logger.info({ removed }, 'retired files deleted')
    onMilestone()
  }

  /** What the owner's rights protect is tried again a grace period later; the others do not wait. */
  async #delete(path: RepoPath): Promise<'removed' | 'kept' | 'failed'> {
    const { store, placer, clock, logger } = this.#parts
    try {
      if (await placer.remove(path)) return 'removed'
      logger.warn({ path }, 'not deleted: it was changed here and is the owner’s now')
      return 'kept'
    } catch (error) {
      if (systemCode(error) === undefined) throw error
      logger.warn({ path, error: describeError(error) }, 'a retired file cannot be deleted yet')
      store.retire([path], null)
      store.retire([path], clock.nowMs())
      return 'failed'
    }
  }

  #deletionDueMs(): number {
    const { clock, store } = this.#parts
    const firstRetired = store.firstRetiredMs()
    if (firstRetired === null) return syncWakeMs
    const graceLeftMs = firstRetired + this.#graceMs - clock.nowMs()
    return Math.max(0, graceLeftMs, this.#deleteNotBeforeMs - clock.monotonicMs())
  }

  /** What is new needs the space more than what is retired: the oldest of that goes early. */
  #makeRoom(): void {
    const { store, logger } = this.#parts
    this.#makingRoom ??= (async () => {
      for (const path of store.retired(Number.MAX_SAFE_INTEGER, deletedForRoom)) {
        if ((await this.#delete(path)) === 'removed') logger.info({ path }, 'deleted to make room')
      }
    })()
      .catch((error: unknown) => {
        logger.warn({ error: describeError(error) }, 'no room can be made')
      })
      .finally(() => {
        this.#makingRoom = null
      })
  }

  /** While transfers wait for space, the round begins anew as soon as deletions may free some. */
  #watchDeletions(): NodeJS.Timeout {
    const round = this.#round
    return setInterval(() => {
      if (this.#parts.fetcher.pausedReason === null) return
      if (this.#deletionDueMs() <= 0) round.abort()
      else this.#makeRoom()
    }, spaceCheckMs)
  }

  /** When something is to be done without anyone waking the loop, monotonic less now. */
  #nextDueMs(): number {
    const { clock } = this.#parts
    if (!this.#open) return syncWakeMs
    const nowMs = clock.monotonicMs()
    if (this.#workDue) return 0
    return Math.max(
      0,
      Math.min(
        syncWakeMs,
        this.#recheckAtMs - nowMs,
        this.#headDue ? this.#headNotBeforeMs - nowMs : syncWakeMs,
        this.#deletionDueMs(),
      ),
    )
  }

  async #sleep(waitMs: number): Promise<void> {
    if (this.#stop.signal.aborted || this.#round.signal.aborted) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, waitMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = null
  }
}
