// Which redirects operators are shown while they watch: a few a second by a token bucket; the others
// are counted. Pure; times are monotonic milliseconds.

import { shownRedirectsBurst, shownRedirectsPerSecond } from '../../core/dashboard-limits.ts'

export interface ShownState {
  readonly tokens: number
  readonly atMs: number
  /** Not shown since the last that was. */
  readonly skipped: number
}

export const nothingShown: ShownState = { tokens: shownRedirectsBurst, atMs: 0, skipped: 0 }

/** The state behind one more redirect, and how many were skipped before it if it is to be shown. */
export const stepShown = (
  state: ShownState,
  nowMs: number,
): { readonly state: ShownState; readonly show: boolean; readonly skipped: number } => {
  const gained = (Math.max(0, nowMs - state.atMs) * shownRedirectsPerSecond) / 1000
  const tokens = Math.min(shownRedirectsBurst, state.tokens + gained)
  const { skipped } = state
  return tokens < 1
    ? { state: { tokens, atMs: nowMs, skipped: skipped + 1 }, show: false, skipped }
    : { state: { tokens: tokens - 1, atMs: nowMs, skipped: 0 }, show: true, skipped }
}
