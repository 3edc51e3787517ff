// Reading the Prometheus text that daemons publish, enough to sum counters.

/** Values by metric name; series that differ in labels only are listed with their labels. */
export interface MetricSeries {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Parse the text exposition format (version 0.0.4); lines that are none are left out. */
export const parseMetrics = (text: string): MetricSeries[] => {
  const series: MetricSeries[] = []
  for (const line of text.split('\n')) {
    const match = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/.exec(line)
    if (match === null) continue
    const labels: Record<string, string> = {}
    for (const [, key, value] of (match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      if (key !== undefined && value !== undefined) labels[key] = value
    }
    series.push({ name: match[1] ?? '', labels, value: Number(match[3]) })
  }
  return series
}

/** Sum of all series of a metric whose labels include `labels`. */
export const sumOf = (
  series: readonly MetricSeries[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number => {
  let sum = 0
  for (const each of series) {
    if (each.name !== name) continue
    if (Object.entries(labels).every(([key, value]) => each.labels[key] === value)) {
      sum += each.value
    }
  }
  return sum
}
