// The network's state as bytes, so that a restart need not read the whole log. Read back with the
// same suspicion as anything else from a disk.

import { setImmediate as nextTurn } from 'node:timers/promises'
import Type from 'typebox'
import { MirrorswarmError } from '../core/errors.ts'
import type { VolunteerName } from '../core/ids.ts'
import { retiredSessions, volunteers } from '../core/limits.ts'
import { pictureTurnContainers } from '../core/program-limits.ts'
import { HoldingsVersion, Suspicion, VolunteerRecord } from './events.ts'
import { Holdings } from './holdings.ts'
import { emptyNetwork, type NetworkState, type Volunteer } from './logic/network-state.ts'
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

const newLine = 0x0a
const comma = 0x2c
const openingBracket = 0x5b
/** Of a volunteer's line besides its bitmaps: most have room in it. */
const lineBytes = 48 * 1024

/** Text put together as bytes, without ever being one text: holdings are hundreds of kilobytes. */
class Line {
  #bytes: Buffer
  #length = 0

  /** `bitmapBytes`: that will be added in base64. */
  constructor(bitmapBytes: number) {
    this.#bytes = Buffer.allocUnsafe(lineBytes + Math.ceil(bitmapBytes / 3) * 4)
  }

  add(text: string): void {
    // A character of JavaScript is at most three bytes of UTF-8.
    const most = this.#length + 3 * text.length
    if (most > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(most, 2 * this.#bytes.length))
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
    }
    this.#length += this.#bytes.write(text, this.#length)
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }
}

/** As JSON, on a line of its own; says how many containers it has. */
const encodeVolunteer = (
  { holdings, ...rest }: Volunteer,
  isFirst: boolean,
): { readonly bytes: Buffer; readonly containers: number } => {
  const line = new Line(holdings?.contents.bitmapBytes ?? 0)
  line.add(`${isFirst ? '' : ','}\n${JSON.stringify(rest).slice(0, -1)},"holdings":`)
  let containers = 0
  if (holdings === null) line.add('null')
  else {
    const { session, version, contents } = holdings
    line.add(`${JSON.stringify({ session, version }).slice(0, -1)},"containers":[`)
    for (const container of contents.eachChange()) {
      line.add(`${containers === 0 ? '' : ','}${JSON.stringify(container)}`)
      containers++
    }
    line.add(']}')
  }
  line.add('}')
  return { bytes: line.bytes, containers }
}

/**
 * Takes a picture of the state as it is now, volunteer by volunteer, while the state goes on changing:
 * whoever changes it says so before. The parts in a row are one JSON text with each volunteer on a
 * line of its own, which may be hundreds of megabytes.
 */
export class PictureTaking {
  /** Not in a part yet. Values, but for what they hold, which is changed in place. */
  readonly #left: Map<VolunteerName, Volunteer>
  /** Parts that were not taken yet. */
  #ready: Buffer[]
  #lines = 0
  #containers = 0

  constructor({ snapshot, volunteers }: NetworkState) {
    const head = JSON.stringify({ format: 1, snapshot, volunteers: [] })
    this.#ready = [Buffer.from(head.slice(0, -2))]
    this.#left = new Map(volunteers)
  }

  /** How many containers it has so far: about what it costs to make. */
  get containers(): number {
    return this.#containers
  }

  /** To be called before anything that this volunteer holds is changed. */
  keep(name: VolunteerName): void {
    const volunteer = this.#left.get(name)
    if (volunteer !== undefined) this.#encode(volunteer)
  }

  /** All parts, once, some at each turn of the event loop. */
  async *partsByTurns(): AsyncGenerator<Buffer> {
    let paused = 0
    for (const part of this.parts()) {
      yield part
      if (this.#containers - paused < pictureTurnContainers) continue
      paused = this.#containers
      await nextTurn()
    }
  }

  /** All parts, once. */
  *parts(): Generator<Buffer> {
    for (;;) {
      const ready = this.#ready
      this.#ready = []
      yield* ready
      const next = this.#left.values().next()
      if (next.done !== true) this.#encode(next.value)
      else if (this.#ready.length === 0) break
    }
    yield Buffer.from('\n]}')
  }

  #encode(volunteer: Volunteer): void {
    this.#left.delete(volunteer.record.name)
    const { bytes, containers } = encodeVolunteer(volunteer, this.#lines === 0)
    this.#ready.push(bytes)
    this.#lines++
    this.#containers += 1 + containers
  }
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

const isHead = (line: Buffer): boolean => line.at(-1) === openingBracket

const addLine = (state: NetworkState, line: Buffer, isFirst: boolean): void => {
  const text = line.toString('utf8', 0, line.at(-1) === comma ? line.length - 1 : line.length)
  if (isFirst) state.snapshot = parsePicture(JSON.parse(`${text}]}`)).snapshot
  else addVolunteer(state, JSON.parse(text))
}

const decodeParts = (parts: Iterable<Uint8Array>, state: NetworkState): void => {
  let rest: Buffer = Buffer.alloc(0)
  let lines = 0
  for (const part of parts) {
    rest = rest.length === 0 ? Buffer.from(part) : Buffer.concat([rest, part])
    let start = 0
    for (;;) {
      const end = rest.indexOf(newLine, start)
      if (end < 0 || (lines === 0 && !isHead(rest.subarray(0, end)))) break
      addLine(state, rest.subarray(start, end), lines === 0)
      lines++
      start = end + 1
    }
    rest = rest.subarray(start)
  }
  if (lines === 0) decodeWhole(rest, state)
  else if (rest.toString('utf8') !== ']}') throw new Error('the picture has no end')
}

/** `parts`: of a picture, cut anywhere. Throws MS_DATA_CORRUPT. */
export const decodePicture = (parts: Iterable<Uint8Array>): NetworkState => {
  const state = emptyNetwork()
  try {
    decodeParts(parts, state)
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
