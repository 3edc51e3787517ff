// The text of a registry without holding up anything else: with a thousand volunteers it has
// thousands of series, and redirects should not wait for all of them.

import { setImmediate } from 'node:timers/promises'
import type { Registry } from 'prom-client'

/** As `registry.metrics()`, with room for other work after each metric. */
export const gentleScrape = async (registry: Registry): Promise<string> => {
  const texts: string[] = []
  for (const { name } of registry.getMetricsAsArray()) {
    texts.push(await registry.getSingleMetricAsString(name))
    await setImmediate()
  }
  return `${texts.join('\n\n')}\n`
}
