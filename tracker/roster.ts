// The roster on a volunteer's side: who the other volunteers are, by name and by key, as the tracker
// said last. Kept in a file, so that peers know each other while the origin is dead.

import type { KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { writeFileDurably } from '../core/durable-file.ts'
import { describeError, systemCode } from '../core/errors.ts'
import type { VolunteerName } from '../core/ids.ts'
import { importPublicKey } from '../core/keys.ts'
import type { Logger } from '../core/log.ts'
import { messageParser, type RosterEntry, WireRoster } from './messages.ts'

/** What others want to know of it. Keys as text are raw Ed25519 in base64url. */
export interface Roster {
  /** The key that a volunteer is enrolled with; null: there is no such volunteer. */
  keyOf(name: VolunteerName): KeyObject | null
  /** Its public URL, without a slash at the end. */
  urlOf(name: VolunteerName): string | null
  /** Whose key this is. */
  nameOf(publicKey: string): VolunteerName | null
  /** Be told of each change; the answer ends that. */
  onChange(listener: () => void): () => void
}

export interface VolunteerRosterParts {
  readonly file: string
  /** This volunteer's own name and key, which are never in it. */
  readonly name: VolunteerName
  readonly publicKey: string
  readonly logger: Logger
}

interface Known {
  readonly entry: RosterEntry
  key: KeyObject | null
}

const parseStored = messageParser(WireRoster, 'stored roster', 'MS_DATA_CORRUPT')

/** Equal keys have equal texts: the last character of 43 has two bits to spare. */
const canonical = (key: string): string => Buffer.from(key, 'base64url').toString('base64url')

const isHttp = (url: string): boolean =>
  URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)

export class VolunteerRoster implements Roster {
  readonly #parts: VolunteerRosterParts
  readonly #listeners = new Set<() => void>()
  #byName: ReadonlyMap<VolunteerName, Known> = new Map()
  #byKey: ReadonlyMap<string, VolunteerName> = new Map()
  #tag: string | null = null
  /** To be written once what is being written is. */
  #unsaved: WireRoster | null = null
  #saving: Promise<void> | null = null

  constructor(parts: VolunteerRosterParts) {
    this.#parts = parts
  }

  /** Take up what an earlier run was told; what cannot be read is asked for again. */
  async start(): Promise<void> {
    const { file, logger } = this.#parts
    try {
      this.#take(parseStored(JSON.parse(await readFile(file, 'utf8'))))
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return
      logger.warn({ file, reason: describeError(error) }, 'the roster cannot be read')
    }
  }

  /** Resolves when the newest roster is on disk (or could not be written). */
  async stop(): Promise<void> {
    this.#listeners.clear()
    await this.#saving
  }

  /** What to tell the tracker: the name of what is known; null: nothing is. */
  get tag(): string | null {
    return this.#tag
  }

  get size(): number {
    return this.#byName.size
  }

  names(): VolunteerName[] {
    return [...this.#byName.keys()]
  }

  keyOf(name: VolunteerName): KeyObject | null {
    const known = this.#byName.get(name)
    if (known === undefined) return null
    known.key ??= importPublicKey(known.entry.key, 'ed25519')
    return known.key
  }

  urlOf(name: VolunteerName): string | null {
    return this.#byName.get(name)?.entry.url ?? null
  }

  nameOf(publicKey: string): VolunteerName | null {
    return this.#byKey.get(publicKey) ?? null
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The tracker's newest word. It counts at once; the file follows. */
  replace(roster: WireRoster): void {
    if (roster.tag === this.#tag) return
    this.#take(roster)
    this.#unsaved = roster
    this.#saving ??= this.#save().finally(() => {
      this.#saving = null
    })
  }

  /** A name or key that comes twice counts once; this volunteer itself is none of the others. */
  #take({ tag, volunteers }: WireRoster): void {
    const { name: own, publicKey: ownKey } = this.#parts
    const byName = new Map<VolunteerName, Known>()
    const byKey = new Map<string, VolunteerName>()
    for (const entry of volunteers) {
      const key = canonical(entry.key)
      const { name } = entry
      if (name === own || key === ownKey || byName.has(name) || byKey.has(key)) continue
      if (!isHttp(entry.url)) continue
      byName.set(name, { entry: { ...entry, key }, key: null })
      byKey.set(key, name)
    }
    this.#byName = byName
    this.#byKey = byKey
    this.#tag = tag
    for (const listener of this.#listeners) listener()
  }

  async #save(): Promise<void> {
    const { file, logger } = this.#parts
    for (let next = this.#unsaved; next !== null; next = this.#unsaved) {
      this.#unsaved = null
      try {
        await writeFileDurably(file, JSON.stringify(next), 0o600)
      } catch (error) {
        logger.warn({ file, reason: describeError(error) }, 'the roster cannot be written')
      }
    }
  }
}
