// Who may work at the same time: many that do not disturb one another, or one that wants to be alone.
// Each waits for those before it that it must not overlap with, in the order of the calls.

export class Turns {
  /** Settles with the newest that wants to be alone; never rejects. */
  #alone: Promise<unknown> = Promise.resolve()
  /** Work that began, or will, since then. */
  readonly #beside = new Set<Promise<unknown>>()

  /** Run beside others of this kind, but not while somebody is alone. */
  beside<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#alone.then(work)
    const settled: Promise<unknown> = result.catch(() => undefined)
    this.#beside.add(settled)
    void settled.then(() => this.#beside.delete(settled))
    return result
  }

  /** Run alone: after all that were called before, and before all that will be. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = Promise.all([this.#alone, ...this.#beside]).then(work)
    this.#alone = result.catch(() => undefined)
    return result
  }
}
