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

const PicturedVolunteer = Type.Object({
  record: VolunteerRecord,
  position: Type.Union([ManifestPosition, Type.Null()]),
  retiredSessions: Type.Array(Type.String({ maxLength: 64 }), { maxItems: retiredSessions }),
  suspicion: Type.Optional(Suspicion),
  holdings: Type.Union([
    Type.Object({ ...HoldingsVersion.properties, containers: wireContainers }),
    Type.Null(),
  ]),
})

const Picture = Type.Object({
  format: Type.Literal(1),
  snapshot: Type.Union([
    Type.Object({ repositoryId: repositoryIdSchema, epoch: positive, number: positive }),
    Type.Null(),
  ]),
  volunteers: Type.Array(PicturedVolunteer, { maxItems: volunteers }),
})

const parsePicture = messageParser(Picture, 'state picture', 'MS_DATA_CORRUPT')
const parseVolunteer = messageParser(PicturedVolunteer, 'state picture', 'MS_DATA_CORRUPT')

export interface EncodedPicture {
  readonly bytes: Buffer
  /** How many containers it has: about what it costs to make. */
  readonly containers: number
}

const newLine = 0x0a
const comma = 0x2c
const openingBracket = 0x5b

/**
 * One JSON text with each volunteer on a line of its own: whoever reads it by lines never has more
 * than one volunteer's text in memory. The whole may be hundreds of megabytes.
 */
export const encodePicture = (state: NetworkState): EncodedPicture => {
  let containers = 0
  const lines: Buffer[] = []
  const head = JSON.stringify({ format: 1, snapshot: state.snapshot, volunteers: [] })
  for (const { holdings, ...volunteer } of state.volunteers.values()) {
    const contents = holdings?.contents.encode() ?? []
    containers += contents.length
    const kept =
      holdings === null
        ? null
        : { session: holdings.session, version: holdings.version, containers: contents }
    const line = JSON.stringify({ ...volunteer, holdings: kept })
    lines.push(Buffer.from(`${lines.length === 0 ? '' : ','}\n${line}`))
  }
  const bytes = Buffer.concat([Buffer.from(head.slice(0, -2)), ...lines, Buffer.from('\n]}')])
  return { bytes, containers }
}

const addVolunteer = (state: NetworkState, value: unknown): void => {
  const { holdings, ...volunteer } = parseVolunteer(value)
  if (holdings !== null) checkContainers(holdings.containers)
  if (state.volunteers.size >= volunteers) throw new RangeError('too many volunteers')
  state.volunteers.set(volunteer.record.name, {
    ...volunteer,
    holdings: holdings === null ? null : restoreHoldings(holdings),
  })
}

/** As earlier versions wrote them, or a person: not by lines. */
const decodeWhole = (bytes: Buffer, state: NetworkState): void => {
  const picture = parsePicture(JSON.parse(bytes.toString('utf8')))
  state.snapshot = picture.snapshot
  for (const volunteer of picture.volunteers) addVolunteer(state, volunteer)
}

const decodeLines = (bytes: Buffer, firstEnd: number, state: NetworkState): void => {
  const head = `${bytes.toString('utf8', 0, firstEnd)}]}`
  state.snapshot = parsePicture(JSON.parse(head)).snapshot
  let start = firstEnd + 1
  for (;;) {
    const end = bytes.indexOf(newLine, start)
    if (end < 0) break
    const stop = bytes[end - 1] === comma ? end - 1 : end
    addVolunteer(state, JSON.parse(bytes.toString('utf8', start, stop)))
    start = end + 1
  }
  if (bytes.toString('utf8', start) !== ']}') throw new Error('the picture has no end')
}

/** Throws MS_DATA_CORRUPT. */
export const decodePicture = (bytes: Uint8Array): NetworkState => {
  const state = emptyNetwork()
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    const firstEnd = buffer.indexOf(newLine)
    const byLines = firstEnd > 0 && buffer[firstEnd - 1] === openingBracket
    if (!byLines) decodeWhole(buffer, state)
    else decodeLines(buffer, firstEnd, state)
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
