// Whether a volunteer may go on getting clients: a small state machine that probes and audits feed.
// Only they do: what clients claim or do never moves it.

import type { Suspicion } from '../../tracker/events.ts'
import type { Finding } from './probe-verdict.ts'

export interface Evidence {
  readonly finding: Finding
  /** Seen by the origin itself, or by other volunteers, enough of whom agree. */
  readonly by: Suspicion['by']
  readonly detail: string
}

/** Failures since the last audit that passed, at which a volunteer is taken out. */
const quarantineWeight = 2
/** What cannot happen by accident weighs enough alone. */
const weights: Readonly<Record<Finding, number>> = {
  passed: 0,
  bounced: 0,
  unreachable: 0,
  'wrong-status': 1,
  'wrong-length': 2,
  cut: 1,
  stalled: 1,
  slow: 1,
  'wrong-bytes': 2,
}

/** After a first failure one looks again this soon. */
const confirmMs = 2_000
/** Between two audits of one in quarantine that passed. */
const passSpacingMs = 10_000
const firstBackoffMs = 30_000
const mostBackoffMs = 24 * 3_600_000
/** Wrong bytes are no passing trouble. */
const wrongBytesFactor = 10
/** Audits in a row that must pass: twice as many each time, up to this. */
const mostPasses = 8
/** A volunteer that behaved for so long begins with a clean sheet. */
const forgiveMs = 7 * 24 * 3_600_000

/** Audits in a row after which one in quarantine is let out. */
export const passesNeeded = ({ strikes }: Suspicion): number =>
  Math.min(mostPasses, 2 ** Math.max(1, strikes))

const backoffMs = (finding: Finding, rounds: number): number => {
  const first = weights[finding] >= quarantineWeight ? wrongBytesFactor : 1
  return Math.min(mostBackoffMs, firstBackoffMs * first * 2 ** Math.min(20, rounds))
}

const passed = (before: Suspicion, nowMs: number): Suspicion | null => {
  if (!before.quarantined) {
    if (before.strikes === 0 || nowMs - before.sinceMs >= forgiveMs) return null
    return before.weight === 0 ? before : { ...before, weight: 0 }
  }
  const passes = before.passes + 1
  return passes >= passesNeeded(before)
    ? { ...before, quarantined: false, weight: 0, passes: 0, failures: 0, sinceMs: nowMs }
    : { ...before, passes, nextAuditMs: nowMs + passSpacingMs }
}

const clean = { quarantined: false, weight: 0, strikes: 0, passes: 0, failures: 0 }

const failed = (
  before: Suspicion | null,
  { finding, by, detail }: Evidence,
  nowMs: number,
): Suspicion => {
  const about = { reason: detail.slice(0, 200), by, sinceMs: nowMs }
  const known = before ?? clean
  if (known.quarantined) {
    const failures = known.failures + 1
    const nextAuditMs = nowMs + backoffMs(finding, failures + known.strikes - 1)
    return { ...known, ...about, passes: 0, failures, nextAuditMs }
  }
  const weight = known.weight + weights[finding]
  if (weight < quarantineWeight) {
    return { ...known, ...about, weight, nextAuditMs: nowMs + confirmMs }
  }
  const nextAuditMs = nowMs + backoffMs(finding, known.strikes)
  const strikes = known.strikes + 1
  return { ...about, quarantined: true, weight, strikes, passes: 0, failures: 0, nextAuditMs }
}

/** What is held against a volunteer after this evidence; null: nothing. */
export const stepSuspicion = (
  before: Suspicion | null,
  evidence: Evidence,
  nowMs: number,
): Suspicion | null => {
  if (evidence.finding === 'passed') return before === null ? null : passed(before, nowMs)
  if (weights[evidence.finding] > 0) return failed(before, evidence, nowMs)
  // It could not be looked at: later.
  return before === null ? null : { ...before, nextAuditMs: nowMs + firstBackoffMs }
}

/** Whether this volunteer is to be looked at now, whatever others are up to. */
export const isAuditDue = (suspicion: Suspicion | null, nowMs: number): boolean =>
  suspicion !== null &&
  (suspicion.quarantined || suspicion.weight > 0) &&
  nowMs >= suspicion.nextAuditMs
