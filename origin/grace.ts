// How long what a snapshot drops stays available: one word for all who keep to it, since the operator
// may change it while the origin runs.

export class Grace {
  #ms: number

  constructor(ms: number) {
    this.#ms = ms
  }

  get ms(): number {
    return this.#ms
  }

  change(ms: number): void {
    this.#ms = ms
  }
}
