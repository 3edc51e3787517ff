// Whether a request is served here, sent back to the origin or refused. Pure: the shell tells what
// the link, the limits and the holdings say.

import type { BounceReason } from '../../delivery/bounces.ts'

export type LinkState = 'genuine' | 'expired' | 'forged' | 'unsigned'

export interface ServingFacts {
  /** The client's address lies in one of the owner's --network ranges. */
  readonly ownNetwork: boolean
  readonly link: LinkState
  readonly held: boolean
  readonly withinHours: boolean
  readonly draining: boolean
  readonly activeClients: number
  readonly maxClients: number | null
}

export type ServingDecision =
  /** `limited`: the rate limit and the number of clients apply. */
  | { readonly kind: 'serve'; readonly limited: boolean }
  | { readonly kind: 'bounce'; readonly reason: BounceReason }
  | { readonly kind: 'refuse'; readonly reason: 'unsigned' | 'forged' }

/** The department's own machines come first: no link, no hours, no limits for them. */
export const decideServing = (facts: ServingFacts): ServingDecision => {
  if (facts.ownNetwork) {
    return facts.held ? { kind: 'serve', limited: false } : { kind: 'bounce', reason: 'not held' }
  }
  if (facts.link === 'unsigned' || facts.link === 'forged') {
    return { kind: 'refuse', reason: facts.link }
  }
  if (facts.link === 'expired') return { kind: 'bounce', reason: 'expired' }
  if (facts.draining) return { kind: 'bounce', reason: 'draining' }
  if (!facts.withinHours) return { kind: 'bounce', reason: 'outside hours' }
  if (!facts.held) return { kind: 'bounce', reason: 'not held' }
  if (facts.maxClients !== null && facts.activeClients >= facts.maxClients) {
    return { kind: 'bounce', reason: 'full' }
  }
  return { kind: 'serve', limited: true }
}

/** The origin's clock, as announces teach it: jumps of the machine's own clock do not matter. */
export interface OriginClock {
  readonly originMs: number
  /** Monotonic time at which the origin said so. */
  readonly learnedAtMs: number
}

export const originNowMs = (
  clock: OriginClock | null,
  monotonicMs: number,
  ownNowMs: number,
): number => (clock === null ? ownNowMs : clock.originMs + (monotonicMs - clock.learnedAtMs))
