// What our redirects are expected to cause at a volunteer: bytes that it has still to send, the rate
// of late, and its part of all redirects. Corrects announces, which are seconds old. Pure; times are
// monotonic milliseconds.

import { redirectCostBytes } from '../../core/limits.ts'
import { sentRateMs, shareRedirects, shareWindowMs } from '../../core/selection-limits.ts'

export interface Account {
  readonly atMs: number
  /** Expected, not yet sent at `atMs`. */
  readonly pendingBytes: number
  /** Bytes of late, fading with sentRateMs. */
  readonly rateBytes: number
  /** Bytes and redirects of late, fading with shareWindowMs. */
  readonly windowBytes: number
  readonly windowRedirects: number
}

export const emptyAccount: Account = {
  atMs: 0,
  pendingBytes: 0,
  rateBytes: 0,
  windowBytes: 0,
  windowRedirects: 0,
}

const fading = (ms: number, constantMs: number): number => Math.exp(-Math.max(0, ms) / constantMs)

/** What is still to be sent, if the volunteer sends as fast as it can. */
export const pendingBytesAt = (
  account: Account,
  capacityBytesPerSecond: number,
  nowMs: number,
): number => {
  if (account.pendingBytes === 0) return 0
  const sent = (capacityBytesPerSecond * Math.max(0, nowMs - account.atMs)) / 1000
  return Math.max(0, account.pendingBytes - sent)
}

/** The rate of late that our redirects caused. */
export const sentBytesPerSecondAt = (account: Account, nowMs: number): number =>
  account.rateBytes === 0
    ? 0
    : (account.rateBytes * fading(nowMs - account.atMs, sentRateMs) * 1000) / sentRateMs

/** The account after a redirect of `bytes`. */
export const noteRedirect = (
  account: Account,
  bytes: number,
  capacityBytesPerSecond: number,
  nowMs: number,
): Account => {
  const ms = nowMs - account.atMs
  const kept = fading(ms, shareWindowMs)
  const cost = bytes + redirectCostBytes
  return {
    atMs: nowMs,
    pendingBytes: pendingBytesAt(account, capacityBytesPerSecond, nowMs) + cost,
    rateBytes: account.rateBytes * fading(ms, sentRateMs) + cost,
    windowBytes: account.windowBytes * kept + cost,
    windowRedirects: account.windowRedirects * kept + 1,
  }
}

/** A volunteer's part of all that was redirected of late, of bytes or of requests, the larger. */
export const shareAt = (account: Account, total: Account, nowMs: number): number => {
  const all = fading(nowMs - total.atMs, shareWindowMs)
  const own = fading(nowMs - account.atMs, shareWindowMs)
  if (total.windowRedirects * all < shareRedirects) return 0
  return Math.max(
    (account.windowBytes * own) / (total.windowBytes * all),
    (account.windowRedirects * own) / (total.windowRedirects * all),
  )
}

/** Bytes that a request asks for: one bounded range, or the rest of the file, or all of it. */
export const expectedBytes = (range: string | undefined, sizeBytes: number): number => {
  const match = range === undefined ? null : /^bytes=\s*(\d*)-(\d*)\s*$/.exec(range)
  if (match === null) return sizeBytes
  const [, first = '', last = ''] = match
  if (first === '') return last === '' ? sizeBytes : Math.min(sizeBytes, Number(last))
  const end = last === '' ? sizeBytes : Math.min(sizeBytes, Number(last) + 1)
  return Number(first) < end ? end - Number(first) : sizeBytes
}
