// Bounds how many answers of one kind are under way, in sum and for each of those who ask, so that
// nobody can take all of them. Who finds none free waits, in a line that is bounded too. Knows nothing
// of what is answered.

export interface SlotLimits {
  /** Answers under way, and of those for one name. */
  readonly inSum: number
  readonly each: number
  /** Those who wait, and of those for one name. */
  readonly waiting: number
  readonly waitingEach: number
}

interface Waiter {
  readonly name: string
  readonly resume: (leave: () => void) => void
}

class Counts {
  readonly #counts = new Map<string, number>()
  sum = 0

  of(name: string): number {
    return this.#counts.get(name) ?? 0
  }

  add(name: string, step: 1 | -1): void {
    this.sum += step
    const count = this.of(name) + step
    if (count > 0) this.#counts.set(name, count)
    else this.#counts.delete(name)
  }
}

export class AnswerSlots {
  readonly #limits: SlotLimits
  readonly #active = new Counts()
  readonly #waiting = new Counts()
  readonly #line = new Set<Waiter>()

  constructor(limits: SlotLimits) {
    this.#limits = limits
  }

  get active(): number {
    return this.#active.sum
  }

  get waiting(): number {
    return this.#waiting.sum
  }

  /** Take a slot if one is free; returns how to leave it, or null. */
  tryEnter(name: string): (() => void) | null {
    const { inSum, each } = this.#limits
    if (this.#active.sum >= inSum || this.#active.of(name) >= each) return null
    this.#active.add(name, 1)
    let left = false
    return () => {
      if (left) return
      left = true
      this.#active.add(name, -1)
      this.#admit()
    }
  }

  /**
   * Take a slot, or wait for one: resolves with how to leave it, or with null when too many wait.
   * Rejects with the signal's reason when it is aborted.
   */
  async enter(name: string, signal: AbortSignal): Promise<(() => void) | null> {
    signal.throwIfAborted()
    const free = this.tryEnter(name)
    if (free !== null) return free
    const { waiting, waitingEach } = this.#limits
    if (this.#waiting.sum >= waiting || this.#waiting.of(name) >= waitingEach) return null
    const { promise, resolve, reject } = Promise.withResolvers<() => void>()
    const waiter: Waiter = { name, resume: resolve }
    const giveUp = (): void => {
      if (this.#leaveLine(waiter)) reject(signal.reason)
    }
    this.#line.add(waiter)
    this.#waiting.add(name, 1)
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', giveUp)
    }
  }

  #leaveLine(waiter: Waiter): boolean {
    if (!this.#line.delete(waiter)) return false
    this.#waiting.add(waiter.name, -1)
    return true
  }

  /** First come, first served, but for those who have as many as one may have. */
  #admit(): void {
    for (const waiter of this.#line) {
      if (this.#active.sum >= this.#limits.inSum) return
      const leave = this.tryEnter(waiter.name)
      if (leave === null) continue
      this.#leaveLine(waiter)
      waiter.resume(leave)
    }
  }
}

/** Parts that are begun once there is a slot, which is left when they end or nobody wants more. */
export async function* inSlot(
  enter: () => Promise<() => void>,
  make: () => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const leave = await enter()
  try {
    yield* make()
  } finally {
    leave()
  }
}
