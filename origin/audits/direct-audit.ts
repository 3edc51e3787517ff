// One look at a volunteer by the origin itself: a HEAD now and then, and a part of a file, by a link
// like any client's; what came is compared with what was hashed.

import type { Random } from '../../core/clock.ts'
import type { VolunteerName } from '../../core/ids.ts'
import type { Sample, SampleRequest } from '../../core/sample-download.ts'
import type { BounceReason } from '../../delivery/bounces.ts'
import { type ProbePlan, planProbe } from '../logic/probe-plan.ts'
import { judgeProbe, type Sighting, type Verdict } from '../logic/probe-verdict.ts'
import type { ExpectedBytes } from './expected-bytes.ts'
import type { SentFile } from './recent-sent.ts'

export interface DirectAuditParts {
  readonly sample: (request: SampleRequest, signal: AbortSignal) => Promise<Sample>
  readonly expected: Pick<ExpectedBytes, 'matches'>
  /** A signed link; null: not enrolled. */
  readonly linkTo: (name: VolunteerName, file: SentFile) => string | null
  /** Why the volunteer sent somebody back to this address; null: that is no genuine bounce. */
  readonly bounceOf: (name: VolunteerName, location: string, file: SentFile) => BounceReason | null
  readonly random: Random
}

export interface AuditResult extends Verdict {
  /** Why it sent the client back, if it did. */
  readonly bounce: BounceReason | null
}

const sightingOf = (sample: Sample): Sighting => ({ ...sample, receivedBytes: sample.body.length })

const look = async (
  parts: DirectAuditParts,
  name: VolunteerName,
  file: SentFile,
  plan: ProbePlan,
  method: 'GET' | 'HEAD',
  signal: AbortSignal,
): Promise<AuditResult | null> => {
  const url = parts.linkTo(name, file)
  if (url === null) return null
  const headers = method === 'GET' ? plan.headers : plan.headers.filter(([key]) => key !== 'Range')
  const takeBytes = Math.max(1, plan.length)
  const sample = await parts.sample({ url, method, headers, takeBytes }, signal)
  const redirected = sample.status === 307 || sample.status === 302
  const bounce = redirected ? parts.bounceOf(name, sample.location, file) : null
  const offset = sample.status === 206 ? plan.offset : 0
  const compares = method === 'GET' && (sample.status === 200 || sample.status === 206)
  const matches = compares ? await parts.expected.matches(file.content, offset, sample.body) : null
  const { sizeBytes } = file.content
  const facts = { plan, method, sizeBytes, matches, bounced: bounce !== null }
  return { ...judgeProbe({ ...facts, sighting: sightingOf(sample) }), bounce }
}

/** Look once; null: there was nothing to look at. `thorough`: also by HEAD, as some clients do. */
export const auditDirectly = async (
  parts: DirectAuditParts,
  name: VolunteerName,
  file: SentFile,
  thorough: boolean,
  signal: AbortSignal,
): Promise<AuditResult | null> => {
  const plan = planProbe(file.content.sizeBytes, parts.random)
  if (thorough) {
    const head = await look(parts, name, file, plan, 'HEAD', signal)
    if (head === null || head.finding !== 'passed') return head
  }
  return look(parts, name, file, plan, 'GET', signal)
}
