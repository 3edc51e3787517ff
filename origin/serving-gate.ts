// Bounds how many answers the origin sends at the same time, so that it stays able to redirect.
// What is essential (bounces, kept names) has a reserve of its own, and so have volunteers' reads.

import { directReserve, syncAnswers } from '../core/limits.ts'

/** ordinary: nobody else has it · essential: it may not be refused lightly · sync: a volunteer reads. */
export type AnswerClass = 'ordinary' | 'essential' | 'sync'

export class ServingGate {
  readonly #limits: Readonly<Record<AnswerClass, number>>
  readonly #active: Record<AnswerClass, number> = { ordinary: 0, essential: 0, sync: 0 }

  /** `ordinaryLimit`: answers at the same time that are neither essential nor a volunteer's. */
  constructor(ordinaryLimit: number) {
    this.#limits = { ordinary: ordinaryLimit, essential: directReserve, sync: syncAnswers }
  }

  /** Enter with one answer; returns how to leave, or null when there is no room. */
  enter(kind: AnswerClass): (() => void) | null {
    const place = this.#placeFor(kind)
    if (place === null) return null
    this.#active[place]++
    let left = false
    return () => {
      if (left) return
      left = true
      this.#active[place]--
    }
  }

  /** Answers of clients that are being sent now. */
  get activeClients(): number {
    return this.#active.ordinary + this.#active.essential
  }

  get activeSync(): number {
    return this.#active.sync
  }

  /** Essential answers use the ordinary room first, then their reserve. */
  #placeFor(kind: AnswerClass): AnswerClass | null {
    if (kind !== 'sync' && this.#active.ordinary < this.#limits.ordinary) return 'ordinary'
    if (kind === 'ordinary') return null
    return this.#active[kind] < this.#limits[kind] ? kind : null
  }
}
