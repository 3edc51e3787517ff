// Fills what the search for a basis remembers when it is new, was lost, or the last run was cut off:
// names from the record of held files, anchors by reading the files, slowly and in the background.

import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises'
import { basisFillBytesPerSecond, cachePauseFirstMs } from '../core/basis-limits.ts'
import type { RepoPath } from '../core/ids.ts'
import type { Logger } from '../core/log.ts'
import { workSliceRows } from '../core/volunteer-limits.ts'
import type { AnchorIndex } from '../prsync/anchor-index.ts'
import { sketchFloorBytes } from '../prsync/logic/anchor-sketch.ts'
import type { BasisHeld } from './basis-held.ts'
import type { BasisNames } from './basis-names.ts'
import type { FileHasher } from './hasher.ts'

export interface BasisFillerParts {
  readonly held: BasisHeld
  readonly names: BasisNames
  readonly index: AnchorIndex
  /** Hashing a file tells the index its anchors. */
  readonly hasher: FileHasher
  readonly logger: Logger
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** A position in the order of hashes behind the last one. */
const filledMark = 2 ** 32

const pauseFor = async (ms: number, signal: AbortSignal): Promise<void> => {
  await pause(ms, undefined, { signal })
}

export class BasisFiller {
  readonly #parts: BasisFillerParts
  readonly #stop = new AbortController()
  readonly #pause: (ms: number, signal: AbortSignal) => Promise<void>
  #running: Promise<void> = Promise.resolve()

  constructor(parts: BasisFillerParts) {
    this.#parts = parts
    this.#pause = parts.pause ?? pauseFor
  }

  /** Begin, or begin again after a loss. */
  start(): void {
    this.#running = this.#running.then(() => this.#fill())
  }

  /** Resolves when there is nothing left to fill. */
  async finished(): Promise<void> {
    await this.#running
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #fill(): Promise<void> {
    try {
      await this.#fillNames()
      await this.#fillAnchors()
    } catch (error) {
      if (this.#stop.signal.aborted) return
      this.#parts.logger.warn({ err: error }, 'the search for similar files is incomplete')
    }
  }

  /** A memory that cannot be used now, for want of space perhaps, is filled once it can. */
  async #usable(memory: { readonly isUsable: boolean }): Promise<void> {
    while (!memory.isUsable) await this.#pause(cachePauseFirstMs, this.#stop.signal)
  }

  async #fillNames(): Promise<void> {
    const { held, names } = this.#parts
    await this.#usable(names)
    if (!names.needsFilling()) return
    const { generation } = names
    for (let after: RepoPath | null = null; ; ) {
      this.#stop.signal.throwIfAborted()
      const page = held.after(after, workSliceRows)
      const last = page.at(-1)
      if (last === undefined) break
      names.add(page)
      // Lost meanwhile: somebody is told of it and begins again.
      if (names.generation !== generation) return
      after = last.path
      await breathe()
    }
    names.setFilled()
  }

  async #fillAnchors(): Promise<void> {
    const { held, index, hasher } = this.#parts
    const { signal } = this.#stop
    await this.#usable(index)
    const { generation } = index
    for (let from = index.mark('filled') ?? 0; from < filledMark; ) {
      signal.throwIfAborted()
      const { file, next } = held.nextByHash(from, sketchFloorBytes)
      from = next ?? filledMark
      if (file === null) await breathe()
      else if (await held.isIntact(file)) {
        await hasher.hash(held.file(file))
        await this.#pause((file.sizeBytes / basisFillBytesPerSecond) * 1000, signal)
      }
      index.save()
      if (index.generation !== generation) return
      index.setMark('filled', from)
    }
  }
}
