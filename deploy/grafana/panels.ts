// The few kinds of panels that the dashboards are made of, by Grafana's own library. A panel is a
// question with the queries that answer it; looks are settled here.

import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  BigValueColorMode,
  BigValueGraphMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  DashboardBuilder,
  DashboardCursorSync,
  type DashboardLink,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel,
  RowBuilder,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'

/** Grafana's variable: whichever Prometheus is chosen at the top. */
export const datasource = { type: 'prometheus', uid: '$datasource' }

/** A query, and what its series are called: text with {{label}}. */
export type Query = readonly [expr: string, legend: string]

/** Grafana's names of units. */
export type Unit =
  | 'short'
  | 'Bps'
  | 'bytes'
  | 'reqps'
  | 's'
  | 'percentunit'
  | 'dateTimeFromNow'
  | 'ops'
  | 'h'

export interface Look {
  readonly unit?: Unit
  /** What it means and what to do about it. */
  readonly about?: string
  /** Of 24 columns. */
  readonly width?: number
  readonly stacked?: boolean
  /** From which value on it is a warning, and an emergency. */
  readonly worry?: readonly [warning: number, alarm: number]
  /** Smaller is worse. */
  readonly worryBelow?: boolean
}

const targetOf = ([expr, legend]: Query, index: number): DataqueryBuilder =>
  new DataqueryBuilder()
    .datasource(datasource)
    .refId(String.fromCharCode(65 + index))
    .expr(expr)
    .legendFormat(legend)

const thresholds = ({ worry, worryBelow = false }: Look): ThresholdsConfigBuilder => {
  const step = (value: number | null, color: string): Threshold => ({ value, color })
  const [warning, alarm] = worry ?? []
  const steps =
    warning === undefined || alarm === undefined
      ? [step(null, 'blue')]
      : worryBelow
        ? [step(null, 'red'), step(alarm, 'orange'), step(warning, 'green')]
        : [step(null, 'green'), step(warning, 'orange'), step(alarm, 'red')]
  // With one bound there is nothing between good and bad.
  const kept = steps.filter(({ color }) => color !== 'orange' || warning !== alarm)
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(kept)
}

/** Curves over time. */
export const curves = (title: string, queries: readonly Query[], look: Look = {}) => {
  const { unit = 'short', about = '', width = 12, stacked = false } = look
  const panel = new TimeseriesBuilder()
    .title(title)
    .description(about)
    .datasource(datasource)
    .unit(unit)
    .span(width)
    .height(8)
    .lineWidth(1)
    .fillOpacity(stacked ? 40 : 8)
    .stacking(
      new StackingConfigBuilder()
        .mode(stacked ? StackingMode.Normal : StackingMode.None)
        .group('A'),
    )
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs([]),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
  if (unit !== 'dateTimeFromNow') panel.min(0)
  for (const [index, query] of queries.entries()) panel.withTarget(targetOf(query, index))
  return panel
}

/** The newest value, large; green to red where the look says what is worrying. */
export const number = (title: string, expr: string, look: Look = {}) => {
  const { unit = 'short', about = '', width = 4 } = look
  return new StatBuilder()
    .title(title)
    .description(about)
    .datasource(datasource)
    .unit(unit)
    .span(width)
    .height(4)
    .colorMode(BigValueColorMode.Value)
    .graphMode(unit === 'dateTimeFromNow' ? BigValueGraphMode.None : BigValueGraphMode.Area)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false).fields(''))
    .thresholds(thresholds(look))
    .withTarget(targetOf([expr, ''], 0))
}

export interface Section {
  readonly title: string
  readonly panels: readonly (Builder<Panel> & { id(id: number): Builder<Panel> })[]
}

/** To all dashboards of ours, beside the title: the library would put them into a menu. */
const linksToOthers: Builder<DashboardLink> = {
  build: () => {
    const { placement: _, ...link } = new DashboardLinkBuilder('mirrorswarm')
      .type(DashboardLinkType.Dashboards)
      .tags(['mirrorswarm'])
      .keepTime(true)
      .build()
    return link
  },
}

export const newDashboard = (uid: string, title: string, about: string): DashboardBuilder =>
  new DashboardBuilder(`mirrorswarm: ${title}`)
    .uid(`mirrorswarm-${uid}`)
    .description(about)
    .tags(['mirrorswarm'])
    .refresh('30s')
    .time({ from: 'now-6h', to: 'now' })
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .link(linksToOthers)
    .withVariable(
      new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'),
    )

export const withSections = (
  dashboard: DashboardBuilder,
  sections: readonly Section[],
): DashboardBuilder => {
  let nextId = 1
  for (const { title, panels } of sections) {
    dashboard.withRow(new RowBuilder(title).id(nextId++))
    for (const panel of panels) dashboard.withPanel(panel.id(nextId++))
  }
  return dashboard
}
