// mirrorswarm volunteers …: who is enrolled, how they are, and the operator's say over them.

import { systemClock } from '../../core/clock.ts'
import { MirrorswarmError } from '../../core/errors.ts'
import { formatDuration, formatSize } from '../../core/units.ts'
import { fold } from '../help.ts'
import type { Io } from '../io.ts'
import { withOperator } from '../operator/open-operator.ts'
import type { Operator, VolunteerAction, VolunteerRow } from '../operator/operator.ts'
import type { Values } from '../option-spec.ts'
import type { optionTables } from '../options.ts'
import { parseWeight } from '../selection-options.ts'
import { textTable } from '../text-table.ts'
import { UsageError } from '../usage-error.ts'

type ListOptions = Values<typeof optionTables.volunteersList>
type OneOptions = Values<typeof optionTables.oneVolunteer>
type AddOptions = Values<typeof optionTables.volunteerAdd>
type WeightOptions = Values<typeof optionTables.volunteerWeight>
type TrustOptions = Values<typeof optionTables.volunteerTrust>
type SiteOptions = Values<typeof optionTables.volunteerSite>
type NetworksOptions = Values<typeof optionTables.volunteerNetworks>

const ago = (ms: number | null, nowMs: number): string =>
  ms === null ? 'never' : `${formatDuration(Math.max(0, nowMs - ms))} ago`

const columns = [
  { title: 'NAME' },
  { title: 'STATE' },
  { title: 'SNAPSHOT', align: 'right' },
  { title: 'HELD', align: 'right' },
  { title: 'WANTED', align: 'right' },
  { title: 'CLIENTS/S', align: 'right' },
  { title: 'SYNC/S', align: 'right' },
  { title: 'HEARD OF', align: 'right' },
] as const

/** The table of volunteers list. */
export const renderVolunteers = (rows: readonly VolunteerRow[], nowMs: number): string =>
  rows.length === 0
    ? 'no volunteer is enrolled (mirrorswarm token create makes a token for one)'
    : textTable(
        columns,
        rows.map(row => [
          row.name,
          row.state,
          row.snapshot === null ? '-' : String(row.snapshot),
          formatSize(row.heldBytes),
          formatSize(row.wantedBytes),
          formatSize(row.clientBytesPerSecond),
          formatSize(row.syncBytesPerSecond),
          ago(row.lastAnnounceMs, nowMs),
        ]),
      )

const listed = (title: string, texts: readonly string[] = []): string[][] =>
  texts.length === 0 ? [] : [[title, texts.join(' ')]]

/** The lines of volunteers show. */
export const renderVolunteer = (row: VolunteerRow, nowMs: number): string =>
  [
    ['name', row.name],
    ['URL', row.url],
    ['state', row.state],
    ...row.reasons.map(reason => ['because', reason]),
    ['snapshot', row.snapshot === null ? 'none yet' : String(row.snapshot)],
    ['holds', `${row.heldFiles} files, ${formatSize(row.heldBytes)}`],
    ['wants', formatSize(row.wantedBytes)],
    ['clients', `${row.activeClients}, ${formatSize(row.clientBytesPerSecond)}/s`],
    ['sync', `${formatSize(row.syncBytesPerSecond)}/s`],
    [
      'limit',
      row.capacityBytesPerSecond === null ? 'none' : `${formatSize(row.capacityBytesPerSecond)}/s`,
    ],
    ['heard of', ago(row.lastAnnounceMs, nowMs)],
    ...(row.weight === undefined ? [] : [['weight', String(row.weight)]]),
    ...(row.trust === undefined ? [] : [['trust', row.trust]]),
    ...(row.site == null ? [] : [['site', row.site]]),
    ...listed('networks', row.networks),
    ...listed('asks for', row.askedNetworks),
  ]
    .map(([title = '', text = '']) => `${title.padEnd(10)}${fold(text, 10)}`)
    .join('\n')

const printOne = (row: VolunteerRow, json: boolean, io: Io): void => {
  io.print(json ? JSON.stringify(row, null, 2) : renderVolunteer(row, systemClock.nowMs()))
}

/** mirrorswarm volunteers list */
export const runList = async (options: ListOptions, io: Io): Promise<void> => {
  const rows = await withOperator(options, operator => operator.volunteers())
  io.print(
    options.json
      ? JSON.stringify({ volunteers: rows }, null, 2)
      : renderVolunteers(rows, systemClock.nowMs()),
  )
}

const find = async (operator: Operator, wanted: string): Promise<VolunteerRow> => {
  const rows = await operator.volunteers()
  const row = rows.find(({ name }) => name === wanted)
  if (row === undefined) {
    const names = rows.map(({ name }) => name).join(', ') || 'none'
    throw new MirrorswarmError(
      'MS_PATH_NOT_FOUND',
      `there is no volunteer called ${wanted}; enrolled: ${names}`,
    )
  }
  return row
}

/** mirrorswarm volunteers show NAME */
export const runShow = async (options: OneOptions, io: Io): Promise<void> => {
  printOne(await withOperator(options, operator => find(operator, options.name)), options.json, io)
}

/** mirrorswarm volunteers add NAME --mirror URL */
export const runAdd = async (options: AddOptions, io: Io): Promise<void> => {
  const { name, mirror, capacity, allowOpen } = options
  const request = { name, mirror, capacityBytesPerSecond: capacity ?? null, allowOpen }
  printOne(await withOperator(options, operator => operator.addMirror(request)), options.json, io)
}

const change =
  (actions: readonly VolunteerAction[]) =>
  async (options: OneOptions, io: Io): Promise<void> => {
    const row = await withOperator(options, operator => operator.change(options.name, actions))
    printOne(row, options.json, io)
  }

/** mirrorswarm volunteers enable NAME: undoes both disable and drain. */
export const runEnable = change(['enable', 'undrain'])
/** mirrorswarm volunteers disable NAME */
export const runDisable = change(['disable'])
/** mirrorswarm volunteers drain NAME */
export const runDrain = change(['drain'])

/** mirrorswarm volunteers weight NAME FACTOR */
export const runWeight = async (options: WeightOptions, io: Io): Promise<void> => {
  const weight = parseWeight(options.factor)
  const row = await withOperator(options, operator => operator.settle(options.name, { weight }))
  printOne(row, options.json, io)
}

/** mirrorswarm volunteers trust NAME LEVEL */
export const runTrust = async (options: TrustOptions, io: Io): Promise<void> => {
  const trust = options.level
  const row = await withOperator(options, operator => operator.settle(options.name, { trust }))
  printOne(row, options.json, io)
}

/** mirrorswarm volunteers site NAME SITE; "-" for none. */
export const runSite = async (options: SiteOptions, io: Io): Promise<void> => {
  const site = options.site === '-' ? null : options.site
  const row = await withOperator(options, operator => operator.settle(options.name, { site }))
  printOne(row, options.json, io)
}

/** mirrorswarm volunteers networks NAME: settle them, or show them if nothing is said. */
export const runNetworks = async (options: NetworksOptions, io: Io): Promise<void> => {
  const { name, asked, none, network } = options
  if (Number(asked) + Number(none) + Number(network.length > 0) > 1) {
    throw new UsageError('--network, --asked and --none exclude each other')
  }
  const row = await withOperator(options, async operator => {
    const known = await find(operator, name)
    if (!asked && !none && network.length === 0) return known
    const networks = asked ? (known.askedNetworks ?? []) : network
    return operator.settle(name, { networks })
  })
  printOne(row, options.json, io)
}

/** mirrorswarm volunteers remove NAME */
export const runRemove = async (options: OneOptions, io: Io): Promise<void> => {
  await withOperator(options, operator => operator.remove(options.name))
  io.print(options.json ? JSON.stringify({ removed: options.name }) : `${options.name} is removed`)
}
