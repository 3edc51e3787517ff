// "?explain": how a request would be answered and why, for people (text) and programs (JSON). Made
// from the very value that the redirect is made from.

import type { RepoPath } from '../../core/ids.ts'
import { formatSize } from '../../core/units.ts'
import { closenessTexts } from '../../dashboard/logic/closeness-texts.ts'
import type { Content } from '../../manifest/model.ts'
import type { Suspicion } from '../../tracker/events.ts'
import type { CapacitySource } from '../logic/capacity.ts'
import type { Tier } from '../logic/closeness.ts'
import {
  type Accepted,
  type Refused,
  refusalTexts,
  type Selection,
  type SelectionCandidate,
} from '../logic/select.ts'
import { formatMinute, isoTime, readablePath } from './markup.ts'

/** Why the origin serves a file itself. */
export const serveReasons = {
  direct: 'the client asked for "?direct"',
  kept: 'files of this name are never redirected: clients must not mix two snapshots of them',
  small: 'it is so small that a redirect would cost more',
  repeated: 'this client asked for it again after it was redirected: the origin makes sure',
  none: 'no volunteer can serve it',
} as const

export type ServeReason = keyof typeof serveReasons

export interface Explanation {
  readonly path: RepoPath
  readonly content: Content
  readonly snapshot: number
  /** The newest snapshot has the file no more. */
  readonly retired: boolean
  /** Whom the explanation is about: an address, or null for the one who asks. */
  readonly from: string | null
  /** Null: the request would be redirected to the selection's choice. */
  readonly serve: ServeReason | null
  /** Null when it was not even asked whether a volunteer could serve. */
  readonly selection: Selection | null
}

const retiredText =
  'retired: a later snapshot dropped it; it stays available for the origin’s --grace'

/** How a choice fell, in words. */
export const choices: Readonly<Record<Selection['by'], string>> = {
  sticky: 'it served this client last',
  load: 'the less loaded of two chosen at random among the nearest',
  none: 'nobody was chosen',
}

export const percent = (load: number): string =>
  Number.isFinite(load) ? `${Math.round(load * 100)} %` : 'no capacity'

const sources: Readonly<Record<CapacitySource, string>> = {
  owner: 'by its owner',
  observed: 'as seen',
  assumed: 'assumed',
}

export const closeness = ({ kind, prefixBits }: Tier): string =>
  prefixBits === null ? closenessTexts[kind] : `${closenessTexts[kind]} (/${prefixBits})`

/** What is held against it: in quarantine, or after a failure that was not confirmed yet. */
const heldAgainst = ({ suspicion }: SelectionCandidate): Suspicion | null =>
  suspicion != null && (suspicion.quarantined || suspicion.weight > 0) ? suspicion : null

const suspicionText = ({ reason, by, sinceMs }: Suspicion): string =>
  `${reason} (${formatMinute(Math.floor(sinceMs / 1000))} UTC, ` +
  `${by === 'origin' ? 'seen by the origin' : 'reported by other volunteers'})`

const refusedText = ({ candidate, reason }: Refused): string => {
  const held = reason === 'quarantined' ? heldAgainst(candidate) : null
  return held === null ? refusalTexts[reason] : `${refusalTexts[reason]}: ${suspicionText(held)}`
}

const suspicionRow = (candidate: SelectionCandidate) => {
  const held = heldAgainst(candidate)
  if (held === null) return {}
  const { quarantined, reason, by, sinceMs } = held
  return { suspicion: { quarantined, reason, by, since: isoTime(Math.floor(sinceMs / 1000)) } }
}

const acceptedLine = ({ candidate, load, tier }: Accepted, width: number): string => {
  const { name, capacityBytesPerSecond, capacitySource, weight, activeClients } = candidate
  const factor = weight === 1 ? '' : ` × ${weight}`
  const held = heldAgainst(candidate)
  return (
    `  ${name.padEnd(width)}  ${closeness(tier)}, load ${percent(load)} of ` +
    `${formatSize(capacityBytesPerSecond)}/s (${sources[capacitySource]})${factor}, ` +
    `${activeClients} client${activeClients === 1 ? '' : 's'}, ${candidate.state}` +
    `, ${candidate.url}` +
    (held === null ? '' : `, suspected: ${suspicionText(held)}`)
  )
}

const refusedLine = (refused: Refused, width: number): string =>
  `  ${refused.candidate.name.padEnd(width)}  ${refusedText(refused)}`

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', title, ...lines]

const verdictLine = ({ serve, selection }: Explanation): string => {
  if (serve !== null) return `served by the origin: ${serveReasons[serve]}`
  const chosen = selection?.chosen
  return chosen === null || chosen === undefined
    ? `served by the origin: ${serveReasons.none}`
    : `redirected to ${chosen.candidate.name}: ${choices[selection?.by ?? 'none']}`
}

/** The explanation as plain text. */
export const renderExplanation = (explanation: Explanation): string => {
  const { path, content, snapshot, from, selection } = explanation
  const names = [...(selection?.accepted ?? []), ...(selection?.refused ?? [])]
  const width = Math.max(0, ...names.map(({ candidate }) => candidate.name.length))
  const accepted = (selection?.accepted ?? []).map(each => acceptedLine(each, width))
  const refused = (selection?.refused ?? []).map(each => refusedLine(each, width))
  const lines = [
    `/${readablePath(path)}`,
    `${formatSize(content.sizeBytes)}, sha256 ${content.sha256}, snapshot ${snapshot}`,
    ...(explanation.retired ? [retiredText] : []),
    ...(from === null ? [] : [`asked by ${from}`]),
    verdictLine(explanation),
    ...section('could serve, nearest first:', accepted),
    ...section('could not:', refused),
    ...(selection !== null && names.length === 0 ? ['', 'no volunteer is enrolled'] : []),
  ]
  return `${lines.join('\n')}\n`
}

const acceptedRow = ({ candidate, load, tier }: Accepted) => ({
  name: candidate.name,
  url: candidate.url,
  state: candidate.state,
  trust: candidate.trust,
  closeness: tier.kind,
  prefixBits: tier.prefixBits,
  load: Number.isFinite(load) ? load : null,
  capacityBytesPerSecond: candidate.capacityBytesPerSecond,
  capacitySource: candidate.capacitySource,
  weight: candidate.weight,
  clientBytesPerSecond: candidate.clientBytesPerSecond,
  syncBytesPerSecond: candidate.syncBytesPerSecond,
  activeClients: candidate.activeClients,
  ...suspicionRow(candidate),
})

/** Who could not serve, and why: as codes and as words. */
export const refusedRows = (selection: Selection | null) =>
  (selection?.refused ?? []).map(refused => ({
    name: refused.candidate.name,
    url: refused.candidate.url,
    reason: refused.reason,
    explanation: refusedText(refused),
    ...suspicionRow(refused.candidate),
  }))

/** The explanation as JSON text; reasons as codes and as words. */
export const renderExplanationJson = (explanation: Explanation): string => {
  const { path, content, snapshot, from, serve, selection } = explanation
  const chosen = selection?.chosen?.candidate.name ?? null
  const redirected = serve === null && chosen !== null
  const reason = redirected ? (selection?.by ?? 'none') : (serve ?? 'none')
  const value = {
    path: `/${path}`,
    sizeBytes: content.sizeBytes,
    sha256: content.sha256,
    snapshot,
    retired: explanation.retired,
    from,
    answer: redirected ? 'redirect' : 'serve',
    chosen: redirected ? chosen : null,
    reason,
    explanation: verdictLine(explanation),
    accepted: (selection?.accepted ?? []).map(acceptedRow),
    refused: refusedRows(selection),
  }
  return `${JSON.stringify(value, null, 2)}\n`
}
