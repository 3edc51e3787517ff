// One look at a volunteer through another one: an order to that one, and what its report shows. The
// report is a claim; what follows from claims is decided elsewhere.

import { randomBytes } from 'node:crypto'
import type { Clock, Random } from '../../core/clock.ts'
import { describeError } from '../../core/errors.ts'
import { auditOrderMs } from '../../core/healing-limits.ts'
import type { VolunteerName } from '../../core/ids.ts'
import { importPublicKey } from '../../core/keys.ts'
import {
  type AuditOrder,
  type AuditReport,
  auditPath,
  decodeReport,
  encodeOrder,
} from '../../tracker/audit-order.ts'
import type { VolunteerRecord } from '../../tracker/events.ts'
import { type ProbePlan, planProbe } from '../logic/probe-plan.ts'
import { judgeProbe, type Verdict } from '../logic/probe-verdict.ts'
import type { DirectAuditParts } from './direct-audit.ts'
import type { ExpectedBytes } from './expected-bytes.ts'
import type { SentFile } from './recent-sent.ts'

export interface RemoteAuditParts {
  /** POST to a volunteer's public URL; throws when no answer of 200 comes. */
  readonly post: (url: string, body: string, signal: AbortSignal) => Promise<unknown>
  readonly expected: Pick<ExpectedBytes, 'sha256'>
  readonly linkTo: DirectAuditParts['linkTo']
  readonly bounceOf: DirectAuditParts['bounceOf']
  readonly clock: Clock
  readonly random: Random
}

/** Null: nothing could be learnt; `problem` says why. */
export type RemoteResult =
  | { readonly verdict: Verdict }
  | { readonly verdict: null; readonly problem: string }

const nothing = (problem: string): RemoteResult => ({ verdict: null, problem })

const makeOrder = (
  { linkTo, clock }: RemoteAuditParts,
  target: VolunteerName,
  file: SentFile,
  plan: ProbePlan,
): AuditOrder | null => {
  const link = linkTo(target, file)
  if (link === null) return null
  return {
    id: randomBytes(16).toString('hex'),
    target,
    path: file.path,
    query: link.slice(link.indexOf('?') + 1),
    headers: plan.headers.map(([name, value]): AuditOrder['headers'][number] => [name, value]),
    takeBytes: Math.max(1, plan.length),
    expiresSeconds: Math.ceil((clock.nowMs() + auditOrderMs) / 1000),
  }
}

const judgeReport = async (
  { expected, bounceOf }: RemoteAuditParts,
  target: VolunteerName,
  file: SentFile,
  plan: ProbePlan,
  report: AuditReport,
): Promise<RemoteResult> => {
  const { content } = file
  const offset = report.status === 206 ? plan.offset : 0
  const compares = report.status === 200 || report.status === 206
  let matches: boolean | null = null
  if (compares && offset + report.receivedBytes <= content.sizeBytes) {
    const right = await expected.sha256(content, offset, report.receivedBytes)
    if (right === null) return nothing('the file was changed here')
    matches = right === report.sha256
  }
  const redirected = report.status === 307 || report.status === 302
  const bounced = redirected && bounceOf(target, report.location, file) !== null
  const facts = { plan, method: 'GET', sizeBytes: content.sizeBytes, matches, bounced } as const
  return { verdict: judgeProbe({ ...facts, sighting: report }) }
}

/** Have `auditor` look at `target`. Never throws for what either of them does. */
export const auditThrough = async (
  parts: RemoteAuditParts,
  auditor: VolunteerRecord,
  target: VolunteerName,
  file: SentFile,
  signal: AbortSignal,
): Promise<RemoteResult> => {
  const plan = planProbe(file.content.sizeBytes, parts.random)
  const order = makeOrder(parts, target, file, plan)
  if (order === null) return nothing('it is not enrolled any more')
  const key = { volunteer: auditor.name, secret: Buffer.from(auditor.linkKey, 'base64') }
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(auditOrderMs)])
    const answer = await parts.post(`${auditor.url}${auditPath}`, encodeOrder(key, order), limit)
    const own = importPublicKey(auditor.publicKey, 'ed25519')
    const report = decodeReport(auditor.name, answer, own)
    if (report === null || report.id !== order.id) return nothing('the report is not its own')
    return await judgeReport(parts, target, file, plan, report)
  } catch (error) {
    signal.throwIfAborted()
    return nothing(describeError(error))
  }
}
