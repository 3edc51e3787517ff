// Lets a few pieces of work run at a time; the others wait for their turn in order.

export class Turns {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor(atOnce: number) {
    this.#free = atOnce
  }

  /** Do it when it is its turn; rejects with the signal's reason when aborted before that. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    if (this.#free === 0) await this.#turn(signal)
    else this.#free -= 1
    try {
      return await work()
    } finally {
      const [next] = this.#waiting
      if (next === undefined) this.#free += 1
      else next()
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const turn = Promise.withResolvers<void>()
    const enter = (): void => {
      this.#waiting.delete(enter)
      signal.removeEventListener('abort', leave)
      turn.resolve()
    }
    const leave = (): void => {
      this.#waiting.delete(enter)
      turn.reject(signal.reason)
    }
    this.#waiting.add(enter)
    signal.addEventListener('abort', leave, { once: true })
    await turn.promise
  }
}
