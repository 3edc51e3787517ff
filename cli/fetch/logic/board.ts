// Which pieces of a file are missing and who is fetching which. Knows no
// sockets or files; time comes in.

/** A run of missing pieces that is fetched by one request. */
export interface Job {
  /** Indexes of pieces, growing without gaps. */
  readonly first: number
  readonly end: number
}

interface Running {
  readonly sinceMs: number
  readonly job: Job
  readonly source: object
}

export class Board {
  readonly #missing: Set<number>
  readonly #running = new Set<Running>()
  readonly #jobPieces: number

  /** `jobPieces`: the most pieces of one job. */
  constructor(missing: Iterable<number>, jobPieces: number) {
    this.#missing = new Set([...missing].sort((one, other) => one - other))
    this.#jobPieces = Math.max(1, jobPieces)
  }

  get finished(): boolean {
    return this.#missing.size === 0
  }

  isMissing(piece: number): boolean {
    return this.#missing.has(piece)
  }

  /** The piece was verified and written; it may have been before. */
  done(piece: number): void {
    this.#missing.delete(piece)
  }

  /**
   * What this source should fetch: the next missing pieces that nobody fetches, else those that
   * another source alone has been at for `patienceMs`; null when there is nothing for it.
   */
  take(source: object, nowMs: number, patienceMs: number): Job | null {
    const takers = new Map<number, number>()
    const kept = new Set<number>()
    for (const running of this.#running) {
      for (let piece = running.job.first; piece < running.job.end; piece++) {
        takers.set(piece, (takers.get(piece) ?? 0) + 1)
        if (running.source === source || nowMs - running.sinceMs < patienceMs) kept.add(piece)
      }
    }
    const run = (fits: (piece: number) => boolean): Job | null => {
      for (const first of this.#missing) {
        if (!fits(first)) continue
        let end = first + 1
        while (end - first < this.#jobPieces && this.#missing.has(end) && fits(end)) end += 1
        return { first, end }
      }
      return null
    }
    const job =
      run(piece => !takers.has(piece)) ?? run(piece => takers.get(piece) === 1 && !kept.has(piece))
    if (job !== null) this.#running.add({ job, source, sinceMs: nowMs })
    return job
  }

  /** The job ended, whether all of its pieces came or not. */
  leave(job: Job): void {
    for (const running of this.#running) {
      if (running.job === job) this.#running.delete(running)
    }
  }

  /** Whether a job still has something to fetch. */
  isUseful({ first, end }: Job): boolean {
    for (let piece = first; piece < end; piece++) if (this.#missing.has(piece)) return true
    return false
  }
}
