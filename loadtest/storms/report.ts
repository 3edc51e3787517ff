// The report of a load test as one HTML page: what was run and how, what was demanded and whether it
// held, plots over time, and for each test a link to k6's own pages. Needs nothing from outside.

import { formatSize } from '../../core/units.ts'
import { escapeXml, type Mark, plotFigure, rates, type Series } from './plot.ts'
import type { ScenarioRun } from './run-scenario.ts'
import { type Scenario, scenarios as usualScenarios } from './scenarios.ts'

const style = `
:root { color-scheme: light dark; --text: #1b1b1b; --back: #fff; --line: #ccc; --good: #00693e; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --text: #e8e8e8; --back: #16181c; --line: #444; --good: #6fdc9f; --bad: #ff9d94 } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 76rem; margin: 0 auto; padding: 1rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line) }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
.wide { overflow-x: auto } .good { color: var(--good) } .bad { color: var(--bad) }
figure { margin: 1.5rem 0 } figcaption { font-weight: 600 } svg { width: 100%; height: auto }
.summary { font-weight: 600; font-size: 1.1rem; margin: .5rem 0 } .demands { list-style: none; padding: 0 }
svg text { fill: var(--text); font-size: 12px } .grid { stroke: var(--line) } .mark { stroke: var(--text); stroke-dasharray: 4 4 }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; margin: 0 } .legend span { display: inline-block; width: .8em; height: .8em; margin-right: .4em }
`

const count = (value: number): string => Math.round(value).toLocaleString('en')
const perSecondBytes = (value: number): string => `${formatSize(value)}/s`
const milliseconds = (value: number | undefined): string =>
  value === undefined
    ? '–'
    : value < 1_000
      ? `${Math.round(value)} ms`
      : `${(value / 1_000).toFixed(1)} s`

const traffic = (run: ScenarioRun, secondsAt: (atMs: number) => number): Series[] => {
  const names = [
    ...new Set(run.network.flatMap(sample => Object.keys(sample.volunteerBytes))),
  ].sort()
  const volunteers = names.map(name => {
    // A dead volunteer's sum stays what it was: it sends nothing any more.
    let latest = 0
    const sums = run.network.map(({ atMs, volunteerBytes }): [number, number] => {
      latest = volunteerBytes[name] ?? latest
      return [secondsAt(atMs), latest]
    })
    return { name, points: rates(sums) }
  })
  const origin = run.network.map(({ atMs, originBytes }): [number, number] => [
    secondsAt(atMs),
    originBytes,
  ])
  return [{ name: 'origin', points: rates(origin) }, ...volunteers]
}

const counted = (
  run: ScenarioRun,
  metric: string,
  name: string,
  secondsAt: (atMs: number) => number,
): Series => ({
  name,
  points: rates(
    run.k6.samples.map(({ atMs, counts }): [number, number] => [
      secondsAt(atMs),
      counts[metric] ?? 0,
    ]),
  ),
})

/** So much of what was before the first user is shown. */
const quietMs = 2_000

const sinceUsers = (run: ScenarioRun, startMs: number): ScenarioRun => {
  const { k6, network } = run
  const isShown = ({ atMs }: { readonly atMs: number }): boolean => atMs >= startMs
  const samples = k6.samples.filter(isShown)
  return { ...run, k6: { ...k6, samples }, network: network.filter(isShown) }
}

const figuresOf = (whole: ScenarioRun): string => {
  const startMs = (whole.k6.usersSinceMs ?? quietMs) - quietMs
  const run = sinceUsers(whole, startMs)
  const secondsAt = (atMs: number): number => (atMs - startMs) / 1_000
  const marks: Mark[] = run.marks.map(({ atMs, text }) => ({ seconds: secondsAt(atMs), text }))
  const times = [...run.k6.samples, ...run.network].map(({ atMs }) => atMs)
  if (times.length === 0) return '<p>There is nothing to plot.</p>'
  const endMs = Math.max(...times)
  const seconds = secondsAt(endMs)
  const plot = { marks, seconds, kind: 'lines', format: count } as const
  return [
    plotFigure({
      ...plot,
      title: 'Bytes sent, by whom',
      unit: 'bytes per second',
      kind: 'stacked',
      format: perSecondBytes,
      series: traffic(run, secondsAt),
    }),
    plotFigure({
      ...plot,
      title: 'Downloads that ended',
      unit: 'per second',
      series: [
        counted(run, 'downloads_complete_at_once', 'complete at once', secondsAt),
        counted(run, 'downloads_complete_at_second_try', 'complete at the second try', secondsAt),
        counted(run, 'downloads_failed_twice', 'failed twice', secondsAt),
      ],
    }),
    plotFigure({
      ...plot,
      title: 'Memory of the origin',
      unit: 'bytes, resident',
      format: formatSize,
      series: [
        {
          name: 'origin',
          points: run.network.map(({ atMs, originResidentBytes }) => [
            secondsAt(atMs),
            originResidentBytes,
          ]),
        },
      ],
    }),
  ].join('\n')
}

/** The figures of a run, in the order of the table's columns. */
export const figuresRow = ({ k6, scenario, volunteerShare, problems }: ScenarioRun) => {
  const { counts, trends } = k6
  return {
    name: scenario.name,
    verdict: problems.length === 0 ? 'held' : 'NOT held',
    users: count(scenario.users),
    downloads: count(counts.downloads ?? 0),
    received: formatSize((counts.bytes_from_volunteers ?? 0) + (counts.bytes_from_origin ?? 0)),
    volunteers: `${(volunteerShare * 100).toFixed(1)} %`,
    secondTry: count(counts.downloads_complete_at_second_try ?? 0),
    failedTwice: count(counts.downloads_failed_twice ?? 0),
    wrong: count(counts.wrong_answers ?? 0),
    decision: `${milliseconds(trends.decision_duration?.med)} / ${milliseconds(trends.decision_duration?.['p(95)'])}`,
    download: `${milliseconds(trends.download_duration?.med)} / ${milliseconds(trends.download_duration?.['p(95)'])}`,
  }
}

const headings: Readonly<Record<keyof ReturnType<typeof figuresRow>, string>> = {
  name: 'Test',
  verdict: 'Demands',
  users: 'Users',
  downloads: 'Downloads',
  received: 'Received',
  volunteers: 'By volunteers',
  secondTry: 'Second try',
  failedTwice: 'Failed twice',
  wrong: 'Wrong bytes',
  decision: 'Origin’s answer, median / p95',
  download: 'Download, median / p95',
}

const table = (runs: readonly ScenarioRun[]): string => {
  const keys = Object.keys(headings) as (keyof typeof headings)[]
  const head = keys.map(key => `<th scope="col">${headings[key]}</th>`).join('')
  const rows = runs.map(run => {
    const row = figuresRow(run)
    const good = run.problems.length === 0 ? 'good' : 'bad'
    const cells = keys.slice(1).map(key => {
      const kind = key === 'verdict' ? good : 'number'
      return `<td class="${kind}">${escapeXml(row[key])}</td>`
    })
    return `<tr><th scope="row"><a href="#${row.name}">${row.name}</a></th>${cells.join('')}</tr>`
  })
  return `<div class="wide" tabindex="0" role="region" aria-label="All tests"><table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`
}

const list = (kind: string, items: readonly string[]): string =>
  items.length === 0
    ? ''
    : `<ul class="${kind}">${items.map(each => `<li>${escapeXml(each)}</li>`).join('')}</ul>`

/** How it was run, in one sentence. */
export const conditionsOf = (scenario: Scenario): string => {
  const usual = usualScenarios.find(({ name }) => name === scenario.name) ?? scenario
  const { addresses, incidents, closed, slowBytesPerSecond: slow } = scenario
  const smaller = scenario.users < usual.users || scenario.seconds < usual.seconds
  const parts = [
    `${count(scenario.users)} users for ${scenario.seconds} s`,
    addresses === 'many' ? 'from many addresses' : 'all from one address',
    ...(slow === null ? [] : [`most on lines of ${formatSize(slow)}/s`]),
    ...(closed ? ['credentials are asked for'] : []),
    ...incidents.map(({ at, text }) => `${text} after ${Math.round(at * scenario.seconds)} s`),
    ...(smaller ? [`smaller than usual (${count(usual.users)} for ${usual.seconds} s)`] : []),
  ]
  return `${parts.join(', ')}.`
}

const section = (run: ScenarioRun): string => {
  const { name, about } = run.scenario
  const verdict = run.problems.length === 0 ? '<p class="good">All demands held.</p>' : ''
  const demands = run.demands.map(({ text, held }) => `${held ? '✓ held' : '✗ NOT held'}: ${text}`)
  const other = run.problems.filter(problem => !problem.startsWith('not so: '))
  const happened = `${list('bad', other)}${verdict}${list('demands', demands)}`
  const k6 =
    run.k6.thresholds.length === 0
      ? '<p>k6 wrote nothing.</p>'
      : `<p><a href="${name}.k6.html">k6’s own report</a>: latencies over time, all metrics. <a href="${name}.json">Its figures as JSON</a>.</p>`
  return `<section id="${name}"><h2>${name}</h2><p>${escapeXml(about)}. ${escapeXml(conditionsOf(run.scenario))}</p>${happened}${figuresOf(run)}${k6}</section>`
}

const names = (scenarios: readonly Pick<Scenario, 'name'>[]): string =>
  scenarios.map(({ name }) => name).join(', ')

/** What was run, what held, what did not, and what was not run, in plain words. */
export const summaryOf = (runs: readonly ScenarioRun[], chosen: readonly Scenario[]): string[] => {
  const bad = runs.filter(({ problems }) => problems.length > 0).map(({ scenario }) => scenario)
  const isRun = ({ name }: Scenario): boolean => runs.some(({ scenario }) => scenario.name === name)
  const waiting = chosen.filter(scenario => !isRun(scenario))
  const left = usualScenarios.filter(({ name }) => !chosen.some(scenario => scenario.name === name))
  return [
    bad.length === 0
      ? `${runs.length} of ${usualScenarios.length} tests were run, and all demands held.`
      : `${runs.length} of ${usualScenarios.length} tests were run; ${bad.length} did NOT hold: ${names(bad)}.`,
    ...(waiting.length === 0 ? [] : [`Not yet run when this was written: ${names(waiting)}.`]),
    ...(left.length === 0 ? [] : [`Not asked for: ${names(left)}.`]),
  ]
}

/** The page, after some of the `chosen` tests. `about` names machine and versions, one line each. */
export const reportPage = (
  runs: readonly ScenarioRun[],
  chosen: readonly Scenario[],
  about: readonly string[],
): string =>
  `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Load test of mirrorswarm</title><style>${style}</style></head><body><main>
<h1>Load test</h1>
${summaryOf(runs, chosen)
  .map(line => `<p class="summary">${escapeXml(line)}</p>`)
  .join('\n')}
${list('about', about)}
${table(runs)}
<p>A download is complete when its SHA-256 is right. What fails is tried once more from the origin’s URL, as a user would. No time is demanded: times are those of this machine, which runs clients and network alike.</p>
${runs.map(section).join('\n')}
</main></body></html>
`
