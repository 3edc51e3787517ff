// A histogram in Prometheus' text format for what happens tens of thousands of times a second: adding
// to it costs a few comparisons and no memory.

export interface DurationCountsOptions {
  readonly name: string
  readonly help: string
  /** Upper bounds in seconds, growing. */
  readonly upTo: readonly number[]
}

export class DurationCounts {
  readonly #options: DurationCountsOptions
  readonly #upTo: Float64Array
  readonly #counts: Float64Array
  #sum = 0

  constructor(options: DurationCountsOptions) {
    this.#options = options
    this.#upTo = Float64Array.from(options.upTo)
    this.#counts = new Float64Array(options.upTo.length + 1)
  }

  add(seconds: number): void {
    let bucket = 0
    while (bucket < this.#upTo.length && seconds > (this.#upTo[bucket] as number)) bucket++
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1
    this.#sum += seconds
  }

  /** The series as Prometheus reads them, each line ended. */
  render(): string {
    const { name, help, upTo } = this.#options
    let total = 0
    const lines = [...this.#counts].map((count, bucket) => {
      total += count
      return `${name}_bucket{le="${upTo[bucket] ?? '+Inf'}"} ${total}`
    })
    return [
      ...[`# HELP ${name} ${help}`, `# TYPE ${name} histogram`, ...lines],
      ...[`${name}_sum ${this.#sum}`, `${name}_count ${total}`, ''],
    ].join('\n')
  }
}
