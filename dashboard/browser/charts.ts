// Charts over time, drawn by uPlot in the colours of the page, light or dark. Areas stand on each other.

import uPlot from 'uplot'
import { find } from './dom.ts'

export interface ChartSeries {
  readonly label: string
  /** A colour of the style sheet: '--clients'. */
  readonly colour: string
}

export interface ChartOptions {
  readonly series: readonly ChartSeries[]
  readonly format: (value: number) => string
  /** Seconds since 1970, or seconds of a duration. */
  /** Bars are one for each day, whose noon is the time. */
  readonly time: 'clock' | 'duration' | 'days'
  readonly formatTime?: (seconds: number) => string
  /** The largest value there can be; missing: as the data has it. */
  readonly most?: number
  /** Steps hold their value until the next; lines go straight. */
  readonly stepped?: boolean
}

/** A value of null: nothing is known of that time, and nothing is drawn there. */
export type ChartData = readonly [
  times: readonly number[],
  ...values: readonly (readonly (number | null)[])[],
]

const height = 260
const daySeconds = 86_400

/** By the viewer's clock: 17:05, with seconds only where they say something. */
const clockText = (seconds: number): string => {
  const text = new Date(seconds * 1000).toTimeString().slice(0, 8)
  return text.endsWith(':00') ? text.slice(0, 5) : text
}

const dayText = (seconds: number): string =>
  new Date(seconds * 1000).toLocaleDateString(undefined, { day: 'numeric', month: 'short' })

const timeTexts = { clock: clockText, duration: String, days: dayText } as const

/** As many of the days as there is room for. */
const someDays = (times: readonly number[]): number[] => {
  const step = Math.ceil(times.length / 8)
  return times.filter((_, index) => (times.length - 1 - index) % step === 0)
}

const colourOf = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim()

/** The series on top of each other, the last one lowest. */
const stacked = ([times, ...values]: ChartData): uPlot.AlignedData => {
  const sums = times.map(() => 0)
  const all = [...values].reverse().map(series =>
    series.map((value, index) => {
      if (value === null) return null
      const sum = (sums[index] ?? 0) + value
      sums[index] = sum
      return sum
    }),
  )
  return [[...times], ...all.reverse()]
}

const axisNow = () => ({
  stroke: colourOf('--quiet'),
  grid: { stroke: colourOf('--line'), width: 1 },
  ticks: { stroke: colourOf('--line'), width: 1 },
  font: '12px system-ui, sans-serif',
})

const seriesOf = (options: ChartOptions, shown: () => ChartData | null): uPlot.Series[] =>
  options.series.map(({ label, colour }, index) => ({
    label,
    stroke: colourOf(colour),
    fill: options.time === 'days' ? colourOf(colour) : `${colourOf(colour)}55`,
    width: 1.5,
    points: { show: false },
    ...(options.stepped === true ? { paths: uPlot.paths.stepped?.({ align: 1 }) } : {}),
    ...(options.time === 'days' ? { paths: uPlot.paths.bars?.({ size: [0.6, 60] }) } : {}),
    // Its own value, not the height at which it is drawn.
    value: (_plot: uPlot, _value: number | null, _series: number, at: number | null) => {
      const own = at === null ? undefined : shown()?.[index + 1]?.[at]
      return own == null ? '' : options.format(own)
    },
  })) as uPlot.Series[]

/** A chart inside #id; returns how to show data in it, with what it says in words. */
export const addChart = (
  id: string,
  options: ChartOptions,
): ((data: ChartData, words: string) => void) => {
  const place = find(id)
  let plot: uPlot | null = null
  let shown: ChartData | null = null
  const draw = (): void => {
    if (shown === null) return
    plot?.destroy()
    const { most, format, time, formatTime = timeTexts[time] } = options
    const axis = axisNow()
    plot = new uPlot(
      {
        width: Math.max(200, place.clientWidth),
        height,
        cursor: { drag: { x: false, y: false } },
        scales: {
          x: {
            time: time === 'clock',
            ...(time === 'days'
              ? { range: (_plot, from, to) => [from - daySeconds / 2, to + daySeconds / 2] }
              : {}),
          },
          y: { range: (_plot, _least, greatest) => [0, most ?? Math.max(1, greatest * 1.1)] },
        },
        axes: [
          {
            ...axis,
            values: (_plot, ticks) => ticks.map(formatTime),
            ...(time === 'days' ? { splits: () => someDays(shown?.[0] ?? []) } : {}),
          },
          { ...axis, size: 76, values: (_plot, ticks) => ticks.map(format) },
        ],
        series: [
          {
            label: 'Time',
            value: (_plot, at) => (at === null ? '' : formatTime(at)),
          },
          ...seriesOf(options, () => shown),
        ],
      },
      stacked(shown),
      place,
    )
  }
  new ResizeObserver(() =>
    plot?.setSize({ width: Math.max(200, place.clientWidth), height }),
  ).observe(place)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw)
  place.setAttribute('role', 'img')
  return (data, words) => {
    shown = data
    if (place.getAttribute('aria-label') !== words) place.setAttribute('aria-label', words)
    if (plot === null) draw()
    else plot.setData(stacked(data))
  }
}
