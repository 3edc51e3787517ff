// An order to audit, on the wire: the origin asks one volunteer to fetch a part of a signed link at
// another one and to report what came. The order is authenticated by the key that the origin shares
// with the one asked, the report signed by that one's own key.

import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import Type, { type Static } from 'typebox'
import { sampleBytes } from '../core/healing-limits.ts'
import type { RepoPath, VolunteerName } from '../core/ids.ts'
import { signText, verifyText } from '../core/keys.ts'
import { requestPathBytes } from '../core/limits.ts'
import type { LinkKey } from '../delivery/links.ts'
import { messageParser, volunteerNameSchema } from './messages.ts'

/** Where orders are posted, below a volunteer's public URL. */
export const auditPath = '/-/v1/audits'

const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const line = (most: number) => Type.String({ maxLength: most, pattern: '^[ -~]*$' })

const oneOf = <const T extends string>(names: readonly T[]) =>
  Type.Unsafe<T>(Type.Union(names.map(name => Type.Literal(name))))

const Order = Type.Object({
  /** Random, never used again. */
  id: Type.String({ pattern: '^[0-9a-f]{32}$' }),
  /** Who is to be looked at: the asked one knows where that is, no address is in an order. */
  target: volunteerNameSchema,
  path: Type.Unsafe<RepoPath>(Type.String({ minLength: 1, maxLength: requestPathBytes })),
  /** That of a signed link. */
  query: Type.String({
    pattern: '^c=[A-Za-z0-9_-]{43}&e=[0-9a-z]{1,11}&s=[A-Za-z0-9_-]{22}$',
  }),
  /** Of the request, beside Host. */
  headers: Type.Array(
    Type.Tuple([
      oneOf(['User-Agent', 'Accept', 'Accept-Encoding', 'Connection', 'Range']),
      line(200),
    ]),
    { maxItems: 8 },
  ),
  takeBytes: Type.Integer({ minimum: 1, maximum: sampleBytes }),
  /** Seconds since 1970 on the origin's clock. */
  expiresSeconds: count,
})
export type AuditOrder = Static<typeof Order>

export const SignedOrder = Type.Object({ order: Order, signature: line(64) })

const Report = Type.Object({
  id: Type.String({ pattern: '^[0-9a-f]{32}$' }),
  end: oneOf(['complete', 'taken', 'cut', 'stalled', 'late', 'unreachable', 'silent']),
  status: Type.Integer({ minimum: 0, maximum: 999 }),
  location: line(4096),
  contentLength: Type.Union([count, Type.Null()]),
  contentRange: line(200),
  receivedBytes: count,
  /** Of the bytes that were read. */
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  elapsedMs: Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
})
/** What the one asked says that it saw. */
export type AuditReport = Static<typeof Report>

export const SignedReport = Type.Object({ report: Report, signature: line(128) })

const parseOrder = messageParser(SignedOrder, 'order to audit', 'MS_REQUEST_INVALID')
const parseReport = messageParser(SignedReport, 'report of an audit', 'MS_ANSWER_INVALID')

/** Fields in one order, so that equal orders are equal texts. */
const orderText = (asked: VolunteerName, order: AuditOrder): string => {
  const { id, target, path, query, headers, takeBytes, expiresSeconds } = order
  const fields = [asked, id, target, path, query, headers, takeBytes, expiresSeconds]
  return `mirrorswarm audit v1\n${JSON.stringify(fields)}`
}

const orderSignature = (key: LinkKey, order: AuditOrder): string =>
  createHmac('sha256', key.secret).update(orderText(key.volunteer, order)).digest('base64url')

const reportText = (asked: VolunteerName, report: AuditReport): string => {
  const { id, end, status, location, contentLength, contentRange, receivedBytes, sha256 } = report
  const fields = [asked, id, end, status, location, contentLength, contentRange, receivedBytes]
  return `mirrorswarm audit report v1\n${JSON.stringify([...fields, sha256, report.elapsedMs])}`
}

/** The body of an order for the volunteer that this key is shared with. */
export const encodeOrder = (key: LinkKey, order: AuditOrder): string =>
  JSON.stringify({ order, signature: orderSignature(key, order) })

/** The order in a body; null when it is not the origin's. Throws MS_REQUEST_INVALID. */
export const decodeOrder = (key: LinkKey, value: unknown): AuditOrder | null => {
  const { order, signature } = parseOrder(value)
  const genuine = Buffer.from(orderSignature(key, order))
  const given = Buffer.from(signature)
  return genuine.length === given.length && timingSafeEqual(genuine, given) ? order : null
}

/** The body of the answer to an order. */
export const encodeReport = (
  asked: VolunteerName,
  report: AuditReport,
  privateKey: KeyObject,
): string => JSON.stringify({ report, signature: signText(reportText(asked, report), privateKey) })

/** The report in an answer; null when it is not this volunteer's. Throws MS_ANSWER_INVALID. */
export const decodeReport = (
  asked: VolunteerName,
  value: unknown,
  publicKey: KeyObject,
): AuditReport | null => {
  const { report, signature } = parseReport(value)
  return verifyText(reportText(asked, report), signature, publicKey) ? report : null
}
