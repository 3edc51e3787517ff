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
  readonly time: 'clock' | 'duration'
  readonly formatTime?: (seconds: number) => string
  /** The same for the moment under the pointer only. */
  readonly timeText?: (seconds: number) => string
  /** The largest value there can be; missing: as the data has it. */
  readonly most?: number
  /** Steps hold their value until the next; lines go straight. */
  readonly stepped?: boolean
}

export type ChartData = readonly [
  times: readonly number[],
  ...values: readonly (readonly number[])[],
]

const height = 260

const colourOf = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim()

/** The series on top of each other, the last one lowest. */
const stacked = ([times, ...values]: ChartData): uPlot.AlignedData => {
  const sums = times.map(() => 0)
  const all = [...values].reverse().map(series =>
    series.map((value, index) => {
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

/** A chart inside #id; returns how to show data in it, with what it says in words. */
export const addChart = (
  id: string,
  options: ChartOptions,
): ((data: ChartData, words: string) => void) => {
  const place = find(id)
  let plot: uPlot | null = null
  let shown: ChartData | null = null
  const seriesOf = (): uPlot.Series[] =>
    options.series.map(({ label, colour }, index) => ({
      label,
      stroke: colourOf(colour),
      fill: `${colourOf(colour)}55`,
      width: 1.5,
      points: { show: false },
      ...(options.stepped === true ? { paths: uPlot.paths.stepped?.({ align: 1 }) } : {}),
      // Its own value, not the height at which it is drawn.
      value: (_plot: uPlot, _value: number | null, _series: number, at: number | null) => {
        const own = at === null ? undefined : shown?.[index + 1]?.[at]
        return own === undefined ? '' : options.format(own)
      },
    })) as uPlot.Series[]
  const draw = (): void => {
    if (shown === null) return
    plot?.destroy()
    const { most, format, formatTime, time, timeText = formatTime } = options
    const axis = axisNow()
    plot = new uPlot(
      {
        width: Math.max(200, place.clientWidth),
        height,
        cursor: { drag: { x: false, y: false } },
        scales: {
          x: { time: time === 'clock' },
          y: { range: (_plot, _least, greatest) => [0, most ?? Math.max(1, greatest * 1.1)] },
        },
        axes: [
          formatTime === undefined
            ? axis
            : { ...axis, values: (_plot, ticks) => ticks.map(formatTime) },
          { ...axis, size: 76, values: (_plot, ticks) => ticks.map(format) },
        ],
        series: [
          {
            label: 'Time',
            ...(timeText === undefined
              ? { value: '{HH}:{mm}:{ss}' }
              : { value: (_plot, at) => (at === null ? '' : timeText(at)) }),
          },
          ...seriesOf(),
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
