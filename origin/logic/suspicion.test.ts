import fc from 'fast-check'
import t from 'tap'
import type { Suspicion } from '../../tracker/events.ts'
import { type Finding, findings } from './probe-verdict.ts'
import { isAuditDue, passesNeeded, stepSuspicion } from './suspicion.ts'

const step = (before: Suspicion | null, finding: Finding, nowMs: number): Suspicion | null =>
  stepSuspicion(before, { finding, by: 'origin', detail: `it was ${finding}` }, nowMs)

/** What is held against it after these findings, each as soon as it is due. */
const after = (...list: readonly Finding[]): Suspicion | null => {
  let suspicion: Suspicion | null = null
  for (const finding of list) suspicion = step(suspicion, finding, suspicion?.nextAuditMs ?? 0)
  return suspicion
}

t.test('wrong bytes take a volunteer out at once, a broken connection only the second time', t => {
  for (const finding of ['wrong-bytes', 'wrong-length'] as const) {
    t.match(after(finding), { quarantined: true, strikes: 1, reason: `it was ${finding}` })
  }
  for (const finding of ['cut', 'stalled', 'slow', 'wrong-status'] as const) {
    t.match(after(finding), { quarantined: false, weight: 1 }, finding)
    t.match(after(finding, finding), { quarantined: true }, finding)
    t.equal(after(finding, 'passed'), null, 'one failure that is followed by a pass is forgotten')
  }
  t.end()
})

t.test('one that bounces or cannot be reached is not suspect', t => {
  t.equal(after('bounced', 'unreachable', 'bounced'), null)
  const out = after('wrong-bytes')
  const later = after('wrong-bytes', 'unreachable')
  t.match(later, { quarantined: true, failures: 0, passes: 0 }, 'nor is it cleared by that')
  t.ok((later?.nextAuditMs ?? 0) > (out?.nextAuditMs ?? 0))
  t.end()
})

t.test('it comes back when audits in a row pass, more of them each time', t => {
  t.match(after('wrong-bytes', 'passed'), { quarantined: true, passes: 1 })
  t.match(after('wrong-bytes', 'passed', 'passed'), { quarantined: false, strikes: 1 })
  t.match(after('wrong-bytes', 'passed', 'cut', 'passed'), { quarantined: true, passes: 1 })
  const twice = after('wrong-bytes', 'passed', 'passed', 'wrong-bytes')
  t.match(twice, { quarantined: true, strikes: 2 })
  t.equal(passesNeeded(twice as Suspicion), 4)
  t.match(after('wrong-bytes', 'passed', 'passed', 'wrong-bytes', 'passed', 'passed'), {
    quarantined: true,
  })
  t.end()
})

t.test('re-audits back off, up to a day', t => {
  let suspicion = after('wrong-bytes')
  let lastMs = 0
  for (let round = 0; round < 30; round++) {
    const dueMs = suspicion?.nextAuditMs ?? 0
    t.notOk(isAuditDue(suspicion, dueMs - 1))
    t.ok(isAuditDue(suspicion, dueMs))
    suspicion = step(suspicion, 'wrong-bytes', dueMs)
    const waitMs = (suspicion?.nextAuditMs ?? 0) - dueMs
    t.ok(waitMs >= lastMs && waitMs <= 24 * 3_600_000)
    lastMs = waitMs
  }
  t.equal(lastMs, 24 * 3_600_000)
  t.end()
})

t.test('a week of good behaviour is a clean sheet', t => {
  const released = after('wrong-bytes', 'passed', 'passed')
  t.not(step(released, 'passed', 3_600_000), null)
  t.equal(step(released, 'passed', 30 * 24 * 3_600_000), null)
  t.end()
})

t.test(
  'whatever happens, one in quarantine is looked at again, and one that is fine is free',
  t => {
    const steps = fc.array(
      fc.record({
        finding: fc.constantFrom(...findings),
        waitMs: fc.integer({ min: 0, max: 1e8 }),
      }),
    )
    fc.assert(
      fc.property(steps, list => {
        let suspicion: Suspicion | null = null
        let nowMs = 0
        for (const { finding, waitMs } of list) {
          nowMs += waitMs
          suspicion = step(suspicion, finding, nowMs)
          if (suspicion?.quarantined) {
            const inMs = suspicion.nextAuditMs - nowMs
            if (inMs > 24 * 3_600_000) return false
          }
        }
        for (let pass = 0; pass < 8; pass++) suspicion = step(suspicion, 'passed', nowMs)
        return suspicion?.quarantined !== true
      }),
    )
    t.end()
  },
)
