// Plots over time as SVG, drawn from numbers alone: lines or stacked areas, axes with round numbers,
// marks for what happened. Readable in light and dark, and in black and white by their labels.

export interface Series {
  readonly name: string
  /** Seconds and value, in the order of time. */
  readonly points: readonly (readonly [seconds: number, value: number])[]
}

export interface Mark {
  readonly seconds: number
  readonly text: string
}

export interface Plot {
  readonly title: string
  readonly unit: string
  readonly series: readonly Series[]
  readonly marks: readonly Mark[]
  /** Where the axis of time ends, so that plots of one test can be laid side by side. */
  readonly seconds: number
  readonly kind: 'lines' | 'stacked'
  /** How a value at the axis is written. */
  readonly format: (value: number) => string
}

const width = 720
const height = 260
const room = { left: 84, right: 16, top: 16, bottom: 36 }
/** Told apart also by those who see few colours (Okabe and Ito). */
const colours = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#8a8a00']

export const escapeXml = (text: string): string =>
  text.replace(/[&<>"']/g, sign => `&#${sign.charCodeAt(0)};`)

/** 1, 2 or 5 times a power of ten, so that about `steps` of them reach `most`. */
export const roundStep = (most: number, steps: number): number => {
  if (!(most > 0) || !Number.isFinite(most)) return 1
  const rough = most / steps
  const power = 10 ** Math.floor(Math.log10(rough))
  const times = [1, 2, 5, 10].find(each => each * power >= rough) ?? 10
  return times * power
}

/** Values that are sums of the series below, for areas that lie on one another. */
export const stacked = (series: readonly Series[]): Series[] => {
  const below = new Map<number, number>()
  return series.map(({ name, points }) => ({
    name,
    points: points.map(([seconds, value]): [number, number] => {
      const sum = (below.get(seconds) ?? 0) + value
      below.set(seconds, sum)
      return [seconds, sum]
    }),
  }))
}

const coordinate = (value: number): string => value.toFixed(1)

interface Scale {
  readonly x: (seconds: number) => number
  readonly y: (value: number) => number
  readonly mostSeconds: number
  readonly mostValue: number
}

const scaleOf = (series: readonly Series[], plotSeconds: number): Scale => {
  const points = series.flatMap(each => each.points)
  const mostSeconds = Math.max(1, plotSeconds)
  const mostValue = Math.max(1e-9, ...points.map(([, value]) => value))
  const innerWidth = width - room.left - room.right
  const innerHeight = height - room.top - room.bottom
  return {
    mostSeconds,
    mostValue,
    x: seconds => room.left + (seconds / mostSeconds) * innerWidth,
    y: value => height - room.bottom - (value / mostValue) * innerHeight,
  }
}

const axes = ({ x, y, mostSeconds, mostValue }: Scale, format: Plot['format']): string => {
  const parts: string[] = []
  const valueStep = roundStep(mostValue, 4)
  for (let value = 0; value <= mostValue; value += valueStep) {
    const line = coordinate(y(value))
    parts.push(
      `<line class="grid" x1="${room.left}" x2="${width - room.right}" y1="${line}" y2="${line}"/>`,
      `<text x="${room.left - 8}" y="${line}" dy="4" text-anchor="end">${escapeXml(format(value))}</text>`,
    )
  }
  const secondStep = roundStep(mostSeconds, 8)
  for (let seconds = 0; seconds <= mostSeconds; seconds += secondStep) {
    const at = `x="${coordinate(x(seconds))}" y="${height - room.bottom + 18}"`
    parts.push(`<text ${at} text-anchor="middle">${seconds} s</text>`)
  }
  return parts.join('')
}

const path = (points: Series['points'], { x, y }: Scale): string =>
  points.map(([seconds, value]) => `${coordinate(x(seconds))},${coordinate(y(value))}`).join(' ')

const drawn = (series: readonly Series[], scale: Scale, kind: Plot['kind']): string => {
  const shapes = series.map(({ points }, index) => {
    const colour = colours[index % colours.length]
    if (kind === 'lines') {
      return `<polyline points="${path(points, scale)}" fill="none" stroke="${colour}" stroke-width="2"/>`
    }
    const first = points[0]
    const last = points.at(-1)
    if (first === undefined || last === undefined) return ''
    const floor = coordinate(scale.y(0))
    const closed = `${coordinate(scale.x(first[0]))},${floor} ${path(points, scale)} ${coordinate(scale.x(last[0]))},${floor}`
    return `<polygon points="${closed}" fill="${colour}"/>`
  })
  // The topmost sum is drawn first, the others over it.
  return (kind === 'stacked' ? shapes.reverse() : shapes).join('')
}

const marksOf = (marks: readonly Mark[], { x }: Scale): string =>
  marks
    .map(({ seconds, text }, index) => {
      const at = coordinate(x(seconds))
      const line = `<line class="mark" x1="${at}" x2="${at}" y1="${room.top}" y2="${height - room.bottom}"/>`
      return `${line}<text class="note" x="${at}" y="${room.top + 12 + 14 * (index % 3)}" dx="4">${escapeXml(text)}</text>`
    })
    .join('')

const legend = (series: readonly Series[]): string =>
  series
    .map(
      ({ name }, index) =>
        `<li><span style="background:${colours[index % colours.length]}"></span>${escapeXml(name)}</li>`,
    )
    .join('')

/** A figure with its title and legend, for an HTML page that has the styles of a report. */
export const plotFigure = (plot: Plot): string => {
  const series = plot.kind === 'stacked' ? stacked(plot.series) : plot.series
  const scale = scaleOf(series, plot.seconds)
  const picture = `${axes(scale, plot.format)}${drawn(series, scale, plot.kind)}${marksOf(plot.marks, scale)}`
  const title = `${plot.title} (${plot.unit})`
  return `<figure><figcaption>${escapeXml(title)}</figcaption><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(title)}">${picture}</svg><ul class="legend">${legend(plot.series)}</ul></figure>`
}

/** What came between each sum and the next, for each second. */
export const rates = (
  sums: readonly (readonly [seconds: number, sum: number])[],
): [number, number][] =>
  sums.slice(1).flatMap(([seconds, sum], index): [number, number][] => {
    const [beforeSeconds, before] = sums[index] ?? [0, 0]
    return seconds > beforeSeconds
      ? [[seconds, Math.max(0, sum - before) / (seconds - beforeSeconds)]]
      : []
  })
