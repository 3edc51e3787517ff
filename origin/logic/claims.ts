// What volunteers report about each other. One alone never convicts: two that can be believed must
// say the same, and more of them than say otherwise. Who accuses what others clear is not believed.

import { auditClaimMs, auditClaims } from '../../core/healing-limits.ts'
import type { VolunteerName } from '../../core/ids.ts'

export interface Claim {
  readonly reporter: VolunteerName
  readonly target: VolunteerName
  /** It got something that no honest volunteer would send. */
  readonly wrong: boolean
  readonly atMs: number
}

/** The newest claim of each pair, the oldest first. */
export type Claims = readonly Claim[]

const accusersNeeded = 2
/** Accusations of different volunteers that nobody shares, after which one is not believed. */
const unsharedAccusations = 2

/** Remember a claim; bounded in number and age. */
export const addClaim = (claims: Claims, claim: Claim): Claims =>
  [
    ...claims.filter(
      ({ reporter, target, atMs }) =>
        (reporter !== claim.reporter || target !== claim.target) &&
        claim.atMs - atMs < auditClaimMs,
    ),
    claim,
  ].slice(-auditClaims)

/** Volunteers that this one accused although others cleared them and nobody agreed. */
const unshared = (claims: Claims, reporter: VolunteerName): number => {
  const accused = claims.filter(claim => claim.reporter === reporter && claim.wrong)
  return accused.filter(({ target }) => {
    const others = claims.filter(claim => claim.target === target && claim.reporter !== reporter)
    return others.some(({ wrong }) => !wrong) && !others.some(({ wrong }) => wrong)
  }).length
}

/** Whether this one's reports count. */
export const isCredible = (claims: Claims, reporter: VolunteerName): boolean =>
  unshared(claims, reporter) < unsharedAccusations

export interface Standing {
  /** Believed volunteers that accuse it, and that cleared it. */
  readonly accusers: readonly VolunteerName[]
  readonly clearers: readonly VolunteerName[]
  readonly convicted: boolean
  /** Somebody accuses it, and there is no majority either way yet. */
  readonly disputed: boolean
}

/** What the claims about a volunteer add up to. */
export const standingOf = (claims: Claims, target: VolunteerName): Standing => {
  const about = claims.filter(
    claim => claim.target === target && isCredible(claims, claim.reporter),
  )
  const accusers = about.filter(({ wrong }) => wrong).map(({ reporter }) => reporter)
  const clearers = about.filter(({ wrong }) => !wrong).map(({ reporter }) => reporter)
  const convicted = accusers.length >= accusersNeeded && accusers.length > clearers.length
  const cleared = clearers.length >= accusersNeeded && clearers.length > accusers.length
  return { accusers, clearers, convicted, disputed: accusers.length > 0 && !convicted && !cleared }
}

/** A volunteer was let out of quarantine: what was said before does not count any more. */
export const forgetTarget = (claims: Claims, target: VolunteerName): Claims =>
  claims.filter(claim => claim.target !== target)
