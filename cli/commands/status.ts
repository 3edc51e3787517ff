// mirrorswarm status: how an origin is and its volunteers with it, or how one volunteer is, on one
// screen. It only reads.

import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'
import { systemClock } from '../../core/clock.ts'
import { MirrorswarmError } from '../../core/errors.ts'
import { HttpClient } from '../../core/http-client.ts'
import { formatSize } from '../../core/units.ts'
import { fold } from '../help.ts'
import type { Io } from '../io.ts'
import { withOperator } from '../operator/open-operator.ts'
import type { OriginState, VolunteerRow } from '../operator/operator.ts'
import type { Values } from '../option-spec.ts'
import type { optionTables } from '../options.ts'
import { UsageError } from '../usage-error.ts'
import { renderVolunteers } from './volunteers.ts'

type Options = Values<typeof optionTables.status>

const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])

/** What a volunteer says at /-/status, as far as it is shown. */
const VolunteerDocument = Type.Object({
  name: Type.String(),
  url: Type.String(),
  origin: Type.Object({ url: Type.String(), answers: Type.Boolean() }),
  snapshot: Type.Object({ applied: nullable(Type.Integer()), placed: nullable(Type.Integer()) }),
  state: Type.String(),
  heldFiles: Type.Integer(),
  heldBytes: Type.Integer(),
  wantedBytes: Type.Integer(),
  draining: Type.Boolean(),
  reasons: Type.Array(Type.String()),
  load: Type.Object({
    clientBytesPerSecond: Type.Number(),
    syncBytesPerSecond: Type.Number(),
    activeClients: Type.Integer(),
  }),
})
export type VolunteerDocument = Static<typeof VolunteerDocument>

const Enrolling = Type.Object({ name: Type.String(), state: Type.Literal('enrolling') })

const width = 11

const lines = (rows: readonly (readonly [string, string])[]): string =>
  rows.map(([title, text]) => `${title.padEnd(width)}${fold(text, width)}`).join('\n')

/** '2 serving, 1 syncing'; the most frequent first. */
const countStates = (rows: readonly VolunteerRow[]): string => {
  const counts = new Map<string, number>()
  for (const { state } of rows) counts.set(state, (counts.get(state) ?? 0) + 1)
  const sorted = [...counts].sort(([, a], [, b]) => b - a)
  return sorted.map(([state, count]) => `${count} ${state}`).join(', ') || 'none'
}

export interface OriginStatus extends OriginState {
  readonly states: Readonly<Record<string, number>>
  readonly clientBytesPerSecond: number
  readonly syncBytesPerSecond: number
  /** How many volunteers are not at the newest snapshot yet. */
  readonly behind: number
  readonly volunteers: readonly VolunteerRow[]
}

/** All that is shown of an origin. */
export const originStatus = (
  state: OriginState,
  volunteers: readonly VolunteerRow[],
): OriginStatus => {
  const states: Record<string, number> = {}
  for (const row of volunteers) states[row.state] = (states[row.state] ?? 0) + 1
  const sum = (of: (row: VolunteerRow) => number): number =>
    volunteers.reduce((total, row) => total + of(row), 0)
  return {
    ...state,
    states,
    clientBytesPerSecond: sum(row => row.clientBytesPerSecond),
    syncBytesPerSecond: sum(row => row.syncBytesPerSecond),
    behind: volunteers.filter(row => row.snapshot !== state.snapshot).length,
    volunteers,
  }
}

const publishText = ({ publishing, problem }: OriginState): string => {
  if (publishing === null) return 'shown to the operator only'
  if (publishing) return 'under way'
  return problem === null ? 'in order' : `failed: ${problem.message} (${problem.code})`
}

/** The text of an origin's status, 80 columns wide at most. */
export const renderOriginStatus = (status: OriginStatus, nowMs: number): string => {
  const { url, snapshot, volunteers, behind } = status
  const summary = lines([
    ['origin', url ?? 'is not running'],
    ['snapshot', snapshot === null ? 'none yet' : String(snapshot)],
    ...(url === null ? [] : ([['publish', publishText(status)]] as const)),
    ['volunteers', countStates(volunteers)],
    ['behind', behind === 0 ? 'nobody' : `${behind} of ${volunteers.length}`],
    ['clients', `${formatSize(status.clientBytesPerSecond)}/s`],
    ['sync', `${formatSize(status.syncBytesPerSecond)}/s`],
  ])
  const reasons = volunteers.flatMap(({ name, reasons: [first] }) =>
    first === undefined ? [] : [`${name}: ${fold(first, name.length + 2)}`],
  )
  const table = volunteers.length === 0 ? [] : ['', renderVolunteers(volunteers, nowMs)]
  return [summary, ...table, ...(reasons.length === 0 ? [] : ['', ...reasons])].join('\n')
}

/** The text of a volunteer's own status. */
export const renderVolunteerStatus = (status: VolunteerDocument): string => {
  const { origin, snapshot, load } = status
  const { applied, placed } = snapshot
  const inPlace = placed === applied ? 'all in place' : `${placed ?? 'none'} is in place`
  return lines([
    ['volunteer', `${status.name} at ${status.url}`],
    ['origin', `${origin.url} ${origin.answers ? 'answers' : 'does not answer'}`],
    ['state', status.draining ? `${status.state}, draining` : status.state],
    ...status.reasons.map(reason => ['because', reason] as const),
    ['snapshot', applied === null ? 'none yet' : `${applied}, ${inPlace}`],
    ['holds', `${status.heldFiles} files, ${formatSize(status.heldBytes)}`],
    ['wants', formatSize(status.wantedBytes)],
    ['clients', `${load.activeClients}, ${formatSize(load.clientBytesPerSecond)}/s`],
    ['sync', `${formatSize(load.syncBytesPerSecond)}/s`],
  ])
}

const askVolunteer = async (url: string): Promise<unknown> => {
  const http = new HttpClient()
  try {
    const answer = await http.send(`${url}/-/status`)
    const text = (await http.read(answer)).toString('utf8')
    if (answer.status === 200) return JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  } finally {
    await http.stop()
  }
  throw new MirrorswarmError(
    'MS_ANSWER_INVALID',
    `${url} is no volunteer (an origin is asked by --origin)`,
  )
}

const volunteerText = (url: string, document: unknown): string => {
  if (Value.Check(VolunteerDocument, document)) return renderVolunteerStatus(document)
  if (Value.Check(Enrolling, document)) return `${document.name} is enrolling`
  throw new MirrorswarmError('MS_ANSWER_INVALID', `${url} is no volunteer of ours`)
}

/** Where the volunteer answers whose data folder was named; null: none was. */
const volunteerIn = async ({ data, origin }: Options): Promise<string | null> => {
  if (data === null || origin !== null) return null
  const { findRunning } = await import('../../volunteer/data-folder.ts')
  const url = await findRunning(data)
  if (url === null) throw new MirrorswarmError('MS_CONFIG_INVALID', `no volunteer runs on ${data}`)
  return url ?? null
}

/** mirrorswarm status */
export const runStatus = async (options: Options, io: Io): Promise<void> => {
  const { json } = options
  if (options.url !== null && (options.data !== null || options.origin !== null)) {
    throw new UsageError('--url excludes --data and --origin: one daemon is shown at a time')
  }
  const url = options.url ?? (await volunteerIn(options))
  if (url !== null) {
    const document = await askVolunteer(url)
    const text = volunteerText(url, document)
    io.print(json ? JSON.stringify(document, null, 2) : text)
    return
  }
  const status = await withOperator(options, async operator =>
    originStatus(await operator.state(), await operator.volunteers()),
  )
  io.print(json ? JSON.stringify(status, null, 2) : renderOriginStatus(status, systemClock.nowMs()))
}
