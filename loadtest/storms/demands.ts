// What a load test demands, in words, and whether it held: correctness only, since times are those of
// whatever machine runs clients and network alike. Pure.

import type { K6Result, Threshold } from './k6-run.ts'
import type { Scenario } from './scenarios.ts'

export interface Demand {
  readonly text: string
  readonly held: boolean
}

/** Of the bytes that users received: the volunteers' part, 0 to 1. */
export const shareOfVolunteers = ({ counts }: Pick<K6Result, 'counts'>): number => {
  const volunteers = counts.bytes_from_volunteers ?? 0
  const all = volunteers + (counts.bytes_from_origin ?? 0)
  return all === 0 ? 0 : volunteers / all
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

/** By k6's name of what is counted; those that demand that there is something are not about failures. */
const words: Readonly<Record<string, string>> = {
  wrong_answers: 'no answer with wrong bytes',
  downloads_failed_twice: 'no download that fails and fails again at the second try',
  downloads: 'users download at all',
  let_in_wrongly: 'nobody gets in without right credentials',
  refusals: 'those without right credentials are refused',
}

const demandOf = ({ text, held }: Threshold, { counts }: Pick<K6Result, 'counts'>): Demand => {
  const [metric = ''] = text.split(':')
  const count = counts[metric] ?? 0
  return { text: `${words[metric] ?? text} (${count.toLocaleString('en')})`, held }
}

/** All that is demanded of a run in which so many incidents happened. */
export const demandsOf = (scenario: Scenario, k6: K6Result, happened: number): Demand[] => {
  const { volunteerShare: least, incidents } = scenario
  const share = shareOfVolunteers(k6)
  const demands = k6.thresholds.map(threshold => demandOf(threshold, k6))
  if (demands.length === 0) demands.push({ text: 'k6 tells what it counted', held: false })
  if (least !== null) {
    const text = `at least ${percent(least)} of the bytes from volunteers (${percent(share)})`
    demands.push({ text, held: share >= least })
  }
  for (const [index, { text }] of incidents.entries()) {
    demands.push({ text: `users are there for ${text}`, held: index < happened })
  }
  // A crossed threshold has been told already; it makes k6 end with 99.
  const { status, thresholds, output } = k6
  const crossed = status === 99 && thresholds.some(({ held }) => !held)
  if (status !== 0 && !crossed) {
    const text = `k6 comes to its end (${status ?? 'killed'}: ${output.trim().slice(-2_000)})`
    demands.push({ text, held: false })
  }
  return demands
}
