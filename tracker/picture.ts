// The network's state as bytes, so that a restart need not read the whole log. Read back with the
// same suspicion as anything else from a disk.

import Type from 'typebox'
import { MirrorswarmError } from '../core/errors.ts'
import { retiredSessions, volunteers } from '../core/limits.ts'
import { HoldingsVersion, Suspicion, VolunteerRecord } from './events.ts'
import { Holdings } from './holdings.ts'
import { emptyNetwork, type NetworkState } from './logic/network-state.ts'
import {
  checkContainers,
  ManifestPosition,
  messageParser,
  repositoryIdSchema,
  wireContainers,
} from './messages.ts'

const positive = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })

const Picture = Type.Object({
  format: Type.Literal(1),
  snapshot: Type.Union([
    Type.Object({ repositoryId: repositoryIdSchema, epoch: positive, number: positive }),
    Type.Null(),
  ]),
  volunteers: Type.Array(
    Type.Object({
      record: VolunteerRecord,
      position: Type.Union([ManifestPosition, Type.Null()]),
      retiredSessions: Type.Array(Type.String({ maxLength: 64 }), { maxItems: retiredSessions }),
      suspicion: Type.Optional(Suspicion),
      holdings: Type.Union([
        Type.Object({ ...HoldingsVersion.properties, containers: wireContainers }),
        Type.Null(),
      ]),
    }),
    { maxItems: volunteers },
  ),
})

const parsePicture = messageParser(Picture, 'state picture', 'MS_DATA_CORRUPT')

export interface EncodedPicture {
  readonly bytes: Buffer
  /** How many containers it has: about what it costs to make. */
  readonly containers: number
}

export const encodePicture = (state: NetworkState): EncodedPicture => {
  let containers = 0
  const picture = {
    format: 1,
    snapshot: state.snapshot,
    volunteers: [...state.volunteers.values()].map(({ holdings, ...volunteer }) => {
      if (holdings === null) return { ...volunteer, holdings }
      const { session, version, contents } = holdings
      const encoded = contents.encode()
      containers += encoded.length
      return { ...volunteer, holdings: { session, version, containers: encoded } }
    }),
  }
  return { bytes: Buffer.from(JSON.stringify(picture)), containers }
}

/** Throws MS_DATA_CORRUPT. */
export const decodePicture = (bytes: Uint8Array): NetworkState => {
  const state = emptyNetwork()
  try {
    const picture = parsePicture(JSON.parse(Buffer.from(bytes).toString('utf8')))
    state.snapshot = picture.snapshot
    for (const { holdings, ...volunteer } of picture.volunteers) {
      if (holdings !== null) checkContainers(holdings.containers)
      state.volunteers.set(volunteer.record.name, {
        ...volunteer,
        holdings: holdings === null ? null : restoreHoldings(holdings),
      })
    }
  } catch (error) {
    if (error instanceof MirrorswarmError && error.code === 'MS_DATA_CORRUPT') throw error
    throw new MirrorswarmError('MS_DATA_CORRUPT', 'the state picture cannot be read', {
      cause: error,
    })
  }
  return state
}

const restoreHoldings = (holdings: {
  readonly session: string
  readonly version: number
  readonly containers: Parameters<typeof Holdings.decode>[0]
}) => ({
  session: holdings.session,
  version: holdings.version,
  contents: Holdings.decode(holdings.containers),
  losses: 0,
})
