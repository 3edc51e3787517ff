// Pieces that several pages show the same way: a volunteer's state, its load, how far it is.

import type { VolunteerRow } from '../logic/overview.ts'
import { countText, durationText, partText, rateText, sizeText } from '../logic/words.ts'
import { make } from './dom.ts'

/** Say it in words and colour both. */
export const stateBadge = (row: Pick<VolunteerRow, 'state' | 'disabled'>): HTMLElement => {
  const text = row.disabled ? 'disabled' : row.state
  return make('span', { class: `badge ${row.disabled ? 'quarantined' : row.state}` }, text)
}

/** A bar of parts of a whole, with words for those who do not see it. */
export const meter = (
  label: string,
  parts: readonly { readonly part: number; readonly kind: string }[],
): HTMLElement => {
  const bar = make('span', { class: 'meter', role: 'img', 'aria-label': label })
  for (const { part, kind } of parts) {
    const piece = make('span', { class: kind })
    piece.style.width = `${Math.min(100, Math.max(0, part * 100)).toFixed(1)}%`
    bar.append(piece)
  }
  return bar
}

const sources = {
  owner: 'set by its owner',
  observed: 'as seen so far',
  assumed: 'assumed',
} as const

export const loadOf = (row: VolunteerRow): number =>
  row.capacityRate > 0 ? (row.clientRate + row.syncRate) / row.capacityRate : 0

/** Both loads against capacity. */
export const loadCell = (row: VolunteerRow): HTMLElement => {
  const of = `${rateText(row.capacityRate)} ${sources[row.capacitySource]}`
  const whole = Math.max(row.capacityRate, row.clientRate + row.syncRate, 1)
  const label = `clients ${rateText(row.clientRate)} and synchronisation ${rateText(row.syncRate)} of ${of}`
  return make(
    'div',
    { class: 'stack' },
    meter(label, [
      { part: row.clientRate / whole, kind: 'clients' },
      { part: row.syncRate / whole, kind: 'sync' },
    ]),
    make(
      'span',
      { class: 'note', 'aria-hidden': 'true' },
      `${rateText(row.clientRate)} + ${rateText(row.syncRate)} of ${rateText(row.capacityRate)}`,
    ),
  )
}

export const lagText = (row: VolunteerRow, newest: number | null): string => {
  if (newest === null) return 'no snapshot yet'
  if (row.snapshot === null) return 'has none yet'
  if (row.snapshot >= newest) return `has ${newest}`
  return `${countText(newest - row.snapshot)} behind, ${durationText(row.behindSeconds * 1000)}`
}

export const heldPart = ({ heldBytes, wantedBytes }: VolunteerRow): number =>
  wantedBytes > 0 ? heldBytes / wantedBytes : heldBytes > 0 ? 1 : 0

/** How much of what it wants it has. */
export const heldCell = (row: VolunteerRow): HTMLElement => {
  const text = `${partText(heldPart(row))} of ${sizeText(row.wantedBytes)}`
  return make(
    'div',
    { class: 'stack' },
    meter(`holds ${text}`, [{ part: heldPart(row), kind: 'held' }]),
    make('span', { class: 'note', 'aria-hidden': 'true' }, text),
  )
}
