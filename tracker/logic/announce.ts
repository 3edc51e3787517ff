// What one announce changes. Announces may be lost, repeated or overtake each other: versions of
// holdings and sequence numbers make all of that harmless, and what cannot be understood is asked
// for again as full state.

import type { Epoch, VolunteerName } from '../../core/ids.ts'
import { containerNumbers } from '../container-size.ts'
import type { NetworkEvent } from '../events.ts'
import { Holdings } from '../holdings.ts'
import type { AnnounceRequest, WireContainer } from '../messages.ts'
import {
  type NetworkState,
  sameNumbers,
  type VersionedHoldings,
  type Volunteer,
} from './network-state.ts'

/** The newest announce that was heeded. */
export interface LastHeard {
  readonly session: string
  readonly sequence: number
}

/**
 * What was held at the version that the newest changes were based on. While their acknowledgement
 * is under way, further changes come with the same base and can still be understood.
 */
export interface Basis {
  readonly session: string
  readonly epoch: Epoch
  readonly version: number
  readonly contents: Holdings
}

/** What is remembered of a volunteer between its announces, in memory only. */
export interface Remembered {
  readonly last: LastHeard | null
  readonly basis: Basis | null
}

export type AnnounceStep =
  | {
      readonly ok: true
      /** For the log, in this order. */
      readonly events: readonly NetworkEvent[]
      /** A newer announce of the session was heeded before: load and progress are outdated. */
      readonly stale: boolean
      /** The holdings cannot be understood without their full state. */
      readonly wantFull: boolean
      /** To be remembered for the next announce. */
      readonly basis: Basis | null
    }
  | { readonly ok: false; readonly reason: 'unknown' | 'replaced' | 'numbers' }

interface HoldingsStep {
  readonly events: readonly NetworkEvent[]
  readonly wantFull: boolean
  readonly basis: Basis | null
}

interface Changes {
  /** On top of what is known. */
  readonly containers: readonly WireContainer[]
  readonly basis: Basis | null
}

type SentHoldings = NonNullable<AnnounceRequest['holdings']>

const fullState = (known: VersionedHoldings | null, sent: SentHoldings): Changes => ({
  containers:
    known === null
      ? sent.containers
      : Holdings.decode(sent.containers).changesSince(known.contents),
  basis: null,
})

/** The changes on top of what is known; null if their base is not at hand. */
const rebased = (
  known: VersionedHoldings | null,
  base: number,
  sent: SentHoldings,
  session: string,
  epoch: Epoch,
  basis: Basis | null,
): Changes | null => {
  if (known === null || known.session !== session) return null
  if (known.version === base) {
    const contents = known.contents.clone()
    return { containers: sent.containers, basis: { session, epoch, version: base, contents } }
  }
  if (basis === null || basis.session !== session || basis.epoch !== epoch) return null
  if (basis.version !== base) return null
  const contents = basis.contents.clone()
  contents.apply(sent.containers)
  return { containers: contents.changesSince(known.contents), basis }
}

const stepHoldings = (
  state: NetworkState,
  volunteer: Volunteer,
  basis: Basis | null,
  request: AnnounceRequest,
): HoldingsStep => {
  const { holdings: sent, session } = request
  const known = volunteer.holdings
  const nothing = { events: [], wantFull: false, basis }
  if (sent === null || state.snapshot === null) return nothing
  if (!sameNumbers(request.manifest, state.snapshot)) return nothing
  if (known?.session === session && sent.version <= known.version) return nothing
  const { repositoryId, epoch } = state.snapshot
  const changes =
    sent.base === null
      ? fullState(known, sent)
      : rebased(known, sent.base, sent, session, epoch, basis)
  if (changes === null) return { ...nothing, wantFull: true }
  const event: NetworkEvent = {
    type: 'holdings',
    name: volunteer.record.name,
    repositoryId,
    epoch,
    session,
    version: sent.version,
    after: known === null ? null : { session: known.session, version: known.version },
    containers: [...changes.containers],
  }
  return { events: [event], wantFull: false, basis: changes.basis }
}

const stepPosition = (volunteer: Volunteer, request: AnnounceRequest): NetworkEvent[] => {
  const { manifest: position } = request
  const known = volunteer.position
  if (position === null) return []
  if (sameNumbers(position, known) && position.snapshot === known?.snapshot) return []
  return [{ type: 'manifest', name: volunteer.record.name, position }]
}

/**
 * Decide what an announce of the volunteer `name` means. `contentCount`: numbers from it on do not
 * exist, and who claims a container beyond them is refused.
 */
export const stepAnnounce = (
  state: NetworkState,
  { last, basis }: Remembered,
  name: VolunteerName,
  request: AnnounceRequest,
  contentCount: number,
): AnnounceStep => {
  const volunteer = state.volunteers.get(name)
  if (volunteer === undefined) return { ok: false, reason: 'unknown' }
  const { session, sequence } = request
  if (volunteer.retiredSessions.includes(session)) return { ok: false, reason: 'replaced' }
  const known = sameNumbers(request.manifest, state.snapshot)
  const beyond = request.holdings?.containers.some(
    container => container.index * containerNumbers >= contentCount && container.kind !== 'empty',
  )
  if (known && beyond === true) return { ok: false, reason: 'numbers' }
  const stale = last?.session === session && sequence <= last.sequence
  const holdings = stepHoldings(state, volunteer, basis, request)
  const moved = stale ? [] : stepPosition(volunteer, request)
  return { ok: true, ...holdings, events: [...moved, ...holdings.events], stale }
}
