// The main thread's end of one worker: answers what the worker's connections ask, and holds them to
// the limit of their addresses. All that is decided and remembered stays in the main thread.

import type { FrontAnswers } from '../../delivery/quick-front.ts'
import type { AddressConnections } from '../../delivery/server-limits.ts'
import type { ToWorker, WorkerBatch } from './messages.ts'
import type { ConnectionEnds } from './preface.ts'

export interface DeskParts {
  /** What a text that was read from a connection is answered, as far as that is usual. */
  answer(text: string, ends: ConnectionEnds): FrontAnswers
  /** Of all workers together. */
  readonly connections: AddressConnections
  /** Connections were closed because nothing came. */
  onSilent(connections: number): void
  post(message: ToWorker): void
}

const nothing: FrontAnswers = { text: '', length: 0 }

export class WorkerDesk {
  readonly #parts: DeskParts
  readonly #releases = new Map<number, () => void>()
  readonly #ends = new Map<number, ConnectionEnds>()

  constructor(parts: DeskParts) {
    this.#parts = parts
  }

  /** How many connections the worker holds. */
  get open(): number {
    return this.#releases.size
  }

  /** Connections of which something was asked, and nothing unusual. */
  get asking(): number {
    return this.#ends.size
  }

  take(batch: WorkerBatch): void {
    this.#count(batch)
    if (batch.silent > 0) this.#parts.onSilent(batch.silent)
    if (batch.asking.length > 0) this.#answer(batch)
    for (const number of batch.left) this.#ends.delete(number)
  }

  /** The worker is gone, and its connections with it. */
  release(): void {
    for (const release of this.#releases.values()) release()
    this.#releases.clear()
    this.#ends.clear()
  }

  #count({ came, addresses, gone }: WorkerBatch): void {
    const refused: number[] = []
    came.forEach((number, index) => {
      const release = this.#parts.connections.admit(addresses[index] ?? '')
      if (release === null) refused.push(number)
      else this.#releases.set(number, release)
    })
    for (const number of gone) {
      this.#releases.get(number)?.()
      this.#releases.delete(number)
    }
    if (refused.length > 0) this.#parts.post({ type: 'refused', numbers: refused })
  }

  #answer({ asking, texts, ends }: WorkerBatch): void {
    const answers: string[] = []
    const lengths: number[] = []
    asking.forEach((number, index) => {
      const told = ends[index] ?? null
      if (told !== null) this.#ends.set(number, told)
      const known = this.#ends.get(number)
      const text = texts[index] ?? ''
      const answer = known === undefined ? nothing : this.#parts.answer(text, known)
      answers.push(answer.text)
      lengths.push(answer.length)
    })
    this.#parts.post({ type: 'answers', asking, texts: answers, lengths })
  }
}
