// A gauge that is read when it is asked for, so that keeping it up to date costs nothing. It knows no
// metric of ours.

import { Gauge, type Registry } from 'prom-client'

/** Labels and value of one series; a value that is not finite is left out. */
export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]

export interface CollectedGauge {
  readonly name: string
  readonly help: string
  readonly labels?: readonly string[]
  readonly read: () => Iterable<Sample> | Promise<Iterable<Sample>>
}

/** Register it; `read` is called at each scrape. */
export const addGauge = (
  registry: Registry,
  { name, help, labels, read }: CollectedGauge,
): void => {
  new Gauge({
    name,
    help,
    labelNames: [...(labels ?? [])],
    registers: [registry],
    async collect() {
      const samples = await read()
      this.reset()
      // The library begins a series without labels at 0; what is not known shall have none.
      if (labels === undefined) this.remove()
      for (const [labelled, value] of samples) {
        if (Number.isFinite(value)) this.set({ ...labelled }, value)
      }
    },
  })
}

/** One value without labels. */
export const addValue = (
  registry: Registry,
  name: string,
  help: string,
  read: () => number | Promise<number>,
): void => addGauge(registry, { name, help, read: async () => [[{}, await read()]] })
