// The state that the log's events add up to: who is enrolled, what each volunteer holds, which
// snapshot is the newest. A deterministic fold: every replica that applies the same events in the
// same order has the same state; an event that does not fit the state changes nothing.

import type { Epoch, RepositoryId, SnapshotNumber, VolunteerName } from '../../core/ids.ts'
import { retiredSessions } from '../../core/limits.ts'
import type {
  HoldingsEvent,
  HoldingsVersion,
  NetworkEvent,
  Suspicion,
  VolunteerRecord,
} from '../events.ts'
import { Holdings } from '../holdings.ts'
import type { ManifestPosition, WireContainer } from '../messages.ts'

/** What one session of a volunteer holds, in content numbers of the network's epoch. */
export interface VersionedHoldings extends HoldingsVersion {
  readonly contents: Holdings
  /** Grows whenever contents may have been taken away, so that others may cache "has". */
  readonly losses: number
}

export interface Volunteer {
  readonly record: VolunteerRecord
  readonly holdings: VersionedHoldings | null
  /** The newest snapshot that it has applied. */
  readonly position: ManifestPosition | null
  /** Sessions that a newer one has replaced: what still comes from them is late. */
  readonly retiredSessions: readonly string[]
  /** Missing: there is none. */
  readonly suspicion?: Suspicion
}

export interface PublishedSnapshot {
  readonly repositoryId: RepositoryId
  readonly epoch: Epoch
  readonly number: SnapshotNumber
}

/** Changed in place by applyEvent, which alone may do so; the volunteers are replaced as values. */
export interface NetworkState {
  snapshot: PublishedSnapshot | null
  readonly volunteers: Map<VolunteerName, Volunteer>
}

export const emptyNetwork = (): NetworkState => ({ snapshot: null, volunteers: new Map() })

/** Whether numbers of that manifest mean the same as the network's. */
export const sameNumbers = (
  a: { readonly repositoryId: RepositoryId; readonly epoch: Epoch } | null,
  b: { readonly repositoryId: RepositoryId; readonly epoch: Epoch } | null,
): boolean => a !== null && b !== null && a.repositoryId === b.repositoryId && a.epoch === b.epoch

/** How much is kept in memory. */
export const sizeOf = ({ volunteers }: NetworkState) => {
  let bitmapBytes = 0
  let heldContents = 0
  for (const { holdings } of volunteers.values()) {
    bitmapBytes += holdings?.contents.bitmapBytes ?? 0
    heldContents += holdings?.contents.count ?? 0
  }
  return { volunteers: volunteers.size, heldContents, bitmapBytes }
}

const enrol = (state: NetworkState, record: VolunteerRecord): void => {
  const known = state.volunteers.get(record.name)
  const same = known?.record.publicKey === record.publicKey
  state.volunteers.set(record.name, {
    record,
    holdings: same ? known.holdings : null,
    position: same ? known.position : null,
    retiredSessions: same ? known.retiredSessions : [],
    ...(same && known.suspicion !== undefined ? { suspicion: known.suspicion } : {}),
  })
}

const publish = (state: NetworkState, snapshot: PublishedSnapshot): void => {
  const before = state.snapshot
  if (before !== null && before.repositoryId === snapshot.repositoryId) {
    if (snapshot.epoch < before.epoch) return
    if (snapshot.epoch === before.epoch && snapshot.number <= before.number) return
  }
  state.snapshot = snapshot
  if (before === null || sameNumbers(before, snapshot)) return
  for (const [name, volunteer] of state.volunteers) {
    state.volunteers.set(name, { ...volunteer, holdings: null })
  }
}

const mayTakeAway = (container: WireContainer): boolean =>
  container.kind === 'empty' ||
  container.kind === 'bitmap' ||
  (container.kind === 'change' && container.remove.length > 0)

const hold = (state: NetworkState, event: HoldingsEvent): void => {
  const volunteer = state.volunteers.get(event.name)
  if (volunteer === undefined || !sameNumbers(state.snapshot, event)) return
  const { holdings } = volunteer
  const { after } = event
  if (volunteer.retiredSessions.includes(event.session)) return
  if (holdings?.session === event.session && holdings.version >= event.version) return
  if (after !== null) {
    if (holdings?.session !== after.session || holdings.version !== after.version) return
  }
  const keeps = after !== null && !event.containers.some(mayTakeAway)
  const contents = after === null || holdings === null ? new Holdings() : holdings.contents
  contents.apply(event.containers)
  const replaced =
    holdings === null || holdings.session === event.session
      ? volunteer.retiredSessions
      : [...volunteer.retiredSessions, holdings.session].slice(-retiredSessions)
  state.volunteers.set(event.name, {
    ...volunteer,
    holdings: {
      session: event.session,
      version: event.version,
      contents,
      losses: (holdings?.losses ?? 0) + (keeps ? 0 : 1),
    },
    retiredSessions: replaced,
  })
}

const settle = (
  state: NetworkState,
  name: VolunteerName,
  change: (volunteer: Volunteer) => Volunteer,
): void => {
  const volunteer = state.volunteers.get(name)
  if (volunteer !== undefined) state.volunteers.set(name, change(volunteer))
}

const withdraw = (
  state: NetworkState,
  event: Extract<NetworkEvent, { type: 'withdrawn' }>,
): void => {
  if (!sameNumbers(state.snapshot, event)) return
  settle(state, event.name, volunteer => {
    const { holdings } = volunteer
    if (holdings === null || !holdings.contents.has(event.content)) return volunteer
    holdings.contents.remove(event.content)
    return { ...volunteer, holdings: { ...holdings, losses: holdings.losses + 1 } }
  })
}

/** Apply one event of the log to the state. */
export const applyEvent = (state: NetworkState, event: NetworkEvent): void => {
  switch (event.type) {
    case 'enrolled':
      enrol(state, event.volunteer)
      break
    case 'removed':
      state.volunteers.delete(event.name)
      break
    case 'snapshot':
      publish(state, {
        repositoryId: event.repositoryId,
        epoch: event.epoch,
        number: event.number,
      })
      break
    case 'holdings':
      hold(state, event)
      break
    case 'manifest':
      settle(state, event.name, volunteer => ({ ...volunteer, position: event.position }))
      break
    case 'owner':
      settle(state, event.name, ({ record, ...rest }) => ({
        ...rest,
        record: { ...record, ...event.settings },
      }))
      break
    case 'suspicion':
      settle(state, event.name, ({ suspicion: _, ...rest }) =>
        event.suspicion === null ? rest : { ...rest, suspicion: event.suspicion },
      )
      break
    case 'withdrawn':
      withdraw(state, event)
      break
    case 'reachable':
      settle(state, event.name, ({ record, ...rest }) => ({
        ...rest,
        record: { ...record, reachable: event.reachable },
      }))
  }
}
