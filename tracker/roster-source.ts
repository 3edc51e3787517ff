// The roster as the tracker gives it out: made anew when a record has changed, named by a tag, and
// left out of answers to those who have it.

import { createHash } from 'node:crypto'
import type { VolunteerName } from '../core/ids.ts'
import type { NetworkState } from './logic/network-state.ts'
import { rosterList } from './logic/roster-list.ts'
import type { RosterEntry, WireRoster } from './messages.ts'

/** For a volunteer that is to talk to nobody. */
const closed: WireRoster = { tag: 'closed', volunteers: [] }

interface Made {
  readonly tag: string
  readonly entries: readonly RosterEntry[]
  readonly names: ReadonlySet<VolunteerName>
}

const make = (entries: readonly RosterEntry[]): Made => ({
  // The same list has the same tag after a restart too, and is not sent again.
  tag: createHash('sha256').update(JSON.stringify(entries)).digest('base64url').slice(0, 12),
  entries,
  names: new Set(entries.map(({ name }) => name)),
})

export class RosterSource {
  readonly #network: () => Pick<NetworkState, 'volunteers'>
  #made: Made | null = null

  constructor(network: () => Pick<NetworkState, 'volunteers'>) {
    this.#network = network
  }

  /** A volunteer was enrolled, enabled or disabled. */
  changed(): void {
    this.#made = null
  }

  /** Names what this volunteer would be told. */
  tagFor(name: VolunteerName): string {
    const { names, tag } = this.#current()
    return names.has(name) ? tag : closed.tag
  }

  /**
   * What the answer to this volunteer says of the roster. `known`: the tag of the one that it has;
   * null: none; undefined: it does not ask.
   */
  answerTo(
    name: VolunteerName,
    known: string | null | undefined,
  ): { readonly roster?: WireRoster } {
    if (known === undefined) return {}
    const { names, tag, entries } = this.#current()
    const roster = names.has(name)
      ? { tag, volunteers: entries.filter(entry => entry.name !== name) }
      : closed
    return roster.tag === known ? {} : { roster }
  }

  #current(): Made {
    this.#made ??= make(
      rosterList([...this.#network().volunteers.values()].map(({ record }) => record)),
    )
    return this.#made
  }
}
