// A rate over the last few seconds from counters that only grow. Pure: times come in as values.

export interface MeterSample {
  readonly atMs: number
  readonly bytes: number
}

export interface Meter {
  readonly samples: readonly MeterSample[]
}

export const emptyMeter: Meter = { samples: [] }

/** Window over which rates are averaged: long enough to be calm, short enough to follow load. */
export const meterWindowMs = 5_000

/** Add a reading of the counter; readings older than the window are dropped, except the newest. */
export const readMeter = (meter: Meter, bytes: number, atMs: number): Meter => {
  const samples = [...meter.samples, { atMs, bytes }]
  while (samples.length > 2 && (samples[1]?.atMs ?? atMs) <= atMs - meterWindowMs) samples.shift()
  return { samples }
}

/** Bytes per second over the window, 0 when nothing is known yet. */
export const meterRate = (meter: Meter): number => {
  const first = meter.samples[0]
  const last = meter.samples.at(-1)
  if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0
  return Math.max(0, Math.round(((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs)))
}
