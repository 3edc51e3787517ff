// What a sample from a volunteer shows: whether a client would have been served well, and if not,
// what was wrong. Pure: the shell fetched the sample and compared the bytes.

import { sampleFloorBytesPerSecond } from '../../core/healing-limits.ts'
import type { ProbePlan } from './probe-plan.ts'

/**
 * bounced: it sent the client back, which is its right · unreachable: it does not answer at all ·
 * wrong-status: not the file · wrong-length: of another file · cut: the connection broke · stalled:
 * nothing more came · slow: below any client's patience · wrong-bytes: not what was hashed.
 */
export const findings = [
  'passed',
  'bounced',
  'unreachable',
  'wrong-status',
  'wrong-length',
  'cut',
  'stalled',
  'slow',
  'wrong-bytes',
] as const

export type Finding = (typeof findings)[number]

/** What was seen, by the origin or (in a report) by another volunteer. */
export interface Sighting {
  readonly end: 'complete' | 'taken' | 'cut' | 'stalled' | 'late' | 'unreachable' | 'silent'
  readonly status: number
  readonly contentLength: number | null
  readonly contentRange: string
  /** Bytes of the body that were read. */
  readonly receivedBytes: number
  readonly elapsedMs: number
}

export interface ProbeFacts {
  readonly plan: Pick<ProbePlan, 'offset' | 'length' | 'ranged'>
  readonly method: 'GET' | 'HEAD'
  readonly sizeBytes: number
  readonly sighting: Sighting
  /** It answered with a redirect to this origin's "?direct". */
  readonly bounced: boolean
  /** Whether the bytes that came are the content's; null: that cannot be told. */
  readonly matches: boolean | null
}

export interface Verdict {
  readonly finding: Finding
  /** For people, one line. */
  readonly detail: string
}

const verdict = (finding: Finding, detail: string): Verdict => ({ finding, detail })

const lengthProblem = ({ plan, sizeBytes, sighting }: ProbeFacts): string | null => {
  const { status, contentLength, contentRange } = sighting
  if (status === 200) {
    return contentLength === null || contentLength === sizeBytes
      ? null
      : `it announced ${contentLength} bytes of a file of ${sizeBytes}`
  }
  const [, first, , total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(contentRange) ?? []
  if (Number(first) === plan.offset && Number(total) === sizeBytes) return null
  return `it announced "${contentRange.replace(/[^ -~]/g, '?').slice(0, 60)}"`
}

const judgeBody = (facts: ProbeFacts): Verdict => {
  const { plan, sighting, matches } = facts
  const { end, receivedBytes, elapsedMs } = sighting
  if (matches === false) return verdict('wrong-bytes', 'it sent other bytes than were hashed')
  const wanted = sighting.status === 200 && plan.ranged ? receivedBytes : plan.length
  if (receivedBytes >= wanted) return verdict('passed', 'the bytes are right')
  if (end === 'cut') {
    return verdict('cut', `it broke off after ${receivedBytes} of ${plan.length} bytes`)
  }
  if (end === 'complete') return verdict('wrong-length', `it sent ${receivedBytes} bytes only`)
  if (end === 'stalled') return verdict('stalled', `nothing came after ${receivedBytes} bytes`)
  const rate = (receivedBytes * 1000) / Math.max(1, elapsedMs)
  return rate < sampleFloorBytesPerSecond
    ? verdict('slow', `it sent ${Math.round(rate)} bytes a second`)
    : verdict('passed', 'the bytes that came in time are right')
}

/** Judge one sample. Wrong bytes are found even when they came slowly or broke off. */
export const judgeProbe = (facts: ProbeFacts): Verdict => {
  const { sighting, bounced, method } = facts
  const { end, status } = sighting
  if (end === 'unreachable') return verdict('unreachable', 'it took no connection')
  if (end === 'silent' || status === 0) return verdict('stalled', 'it did not answer')
  if (bounced) return verdict('bounced', 'it sent the client back')
  const expected =
    facts.plan.ranged && method === 'GET' ? status === 206 || status === 200 : status === 200
  if (!expected) return verdict('wrong-status', `it answered with status ${status}`)
  const problem = lengthProblem(facts)
  if (problem !== null) return verdict('wrong-length', problem)
  return method === 'HEAD' ? verdict('passed', 'the headers are right') : judgeBody(facts)
}
