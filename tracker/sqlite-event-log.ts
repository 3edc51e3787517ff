// The event log in a SQLite file. Appends of one turn of the event loop share a transaction. WAL
// with synchronous=NORMAL survives the death of the process at any point; a power cut may take the
// last transactions, which is harmless for what volunteers repeat (holdings) and not for the rest:
// such events are appended with `flush`, for which the transaction is synchronous=FULL.

import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describeError, MirrorswarmError } from '../core/errors.ts'
import { databaseBusyMs, retainedEvents } from '../core/limits.ts'
import { logPageCharacters } from '../core/program-limits.ts'
import type { AppendOptions, EventLog, LogEntry, Picture } from './event-log.ts'

const formatVersion = 2
/** The picture in one piece, as format 1 has it, becomes the one of generation 0. */
const fromFirstFormat = 'ALTER TABLE picture ADD COLUMN generation INTEGER NOT NULL DEFAULT 0'
const schema = `
  CREATE TABLE IF NOT EXISTS events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    body TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS picture (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE IF NOT EXISTS picture_parts (
    generation INTEGER NOT NULL,
    place INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (generation, place)
  ) STRICT;
  PRAGMA user_version = ${formatVersion};
`

/** Of a picture that is no more, deleted in one go: a few megabytes. */
const partsAtOnce = 16

type Listener<Event> = (entries: readonly LogEntry<Event>[]) => void

interface PendingAppend<Event> {
  readonly events: readonly Event[]
  readonly flush: boolean
  readonly resolve: (sequence: number) => void
  readonly reject: (reason: unknown) => void
}

/** SQLITE_FULL: the one failure of a write that a person can do something about. */
const sqliteFull = 13

const writeError = (error: unknown): unknown =>
  error instanceof Error && 'errcode' in error && error.errcode === sqliteFull
    ? new MirrorswarmError('MS_DISK_FULL', 'the state log cannot grow', { cause: error })
    : error

const openDatabase = (file: string): DatabaseSync => {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(file, { timeout: databaseBusyMs })
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
    const version = database.prepare('PRAGMA user_version').get()?.user_version
    if (version !== 0 && version !== 1 && version !== formatVersion) {
      throw new Error(`its format is ${version}, this version knows ${formatVersion}`)
    }
    database.exec(`BEGIN; ${version === 1 ? fromFirstFormat : ''}; ${schema} COMMIT`)
    return database
  } catch (error) {
    database?.close()
    throw new MirrorswarmError(
      'MS_DATA_CORRUPT',
      `cannot use the state log ${file} (${describeError(error)})`,
      { cause: error },
    )
  }
}

export class SqliteEventLog<Event> implements EventLog<Event> {
  readonly #database: DatabaseSync
  readonly #decode: (value: unknown) => Event
  readonly #retained: number
  readonly #insert: StatementSync
  readonly #select: StatementSync
  readonly #insertPart: StatementSync
  readonly #listeners = new Set<Listener<Event>>()
  #pending: PendingAppend<Event>[] = []
  #last: number
  #closed = false

  /** `decode` checks what is read back and throws MS_DATA_CORRUPT. */
  constructor(
    file: string,
    decode: (value: unknown) => Event,
    options: { retained?: number } = {},
  ) {
    this.#decode = decode
    this.#retained = options.retained ?? retainedEvents
    this.#database = openDatabase(file)
    this.#insert = this.#database.prepare('INSERT INTO events (body) VALUES (?)')
    this.#select = this.#database.prepare(
      'SELECT sequence, body FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?',
    )
    this.#insertPart = this.#database.prepare(
      'INSERT INTO picture_parts (generation, place, bytes) VALUES (?, ?, ?)',
    )
    const row = this.#database
      .prepare("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
      .get()
    this.#last = Number(row?.seq ?? 0)
  }

  append(events: readonly Event[], options: AppendOptions = {}): Promise<number> {
    if (this.#closed) {
      return Promise.reject(new MirrorswarmError('MS_INTERNAL', 'the state log is closed'))
    }
    return new Promise((resolve, reject) => {
      this.#pending.push({ events, flush: options.flush ?? false, resolve, reject })
      if (this.#pending.length === 1) setImmediate(() => this.#commit())
    })
  }

  async read(after: number, limit: number): Promise<readonly LogEntry<Event>[]> {
    const entries: LogEntry<Event>[] = []
    let characters = 0
    for (const row of this.#select.iterate(after, limit)) {
      const body = String(row.body)
      entries.push({ sequence: Number(row.sequence), event: this.#parse(row.sequence, body) })
      characters += body.length
      if (characters >= logPageCharacters) break
    }
    return entries
  }

  #parse(sequence: unknown, body: string): Event {
    try {
      return this.#decode(JSON.parse(body))
    } catch (error) {
      throw new MirrorswarmError(
        'MS_DATA_CORRUPT',
        `event ${sequence} of the state log cannot be read (${describeError(error)})`,
        { cause: error },
      )
    }
  }

  async last(): Promise<number> {
    return this.#last
  }

  subscribe(listener: Listener<Event>): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async savePicture(
    sequence: number,
    parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const before = this.#generation()
    const generation = before + 1
    try {
      // Those of a picture that was never finished.
      await this.#forgetParts(before)
      let place = 0
      for await (const bytes of parts) {
        this.#transaction(false, () => this.#insertPart.run(generation, place, bytes))
        place++
      }
      this.#transaction(false, () => this.#replacePicture(sequence, generation))
      await this.#forgetParts(generation)
    } catch (error) {
      throw writeError(error)
    }
  }

  #replacePicture(sequence: number, generation: number): void {
    this.#database
      .prepare(`INSERT OR REPLACE INTO picture (id, sequence, bytes, generation)
        VALUES (1, ?, x'', ?)`)
      .run(sequence, generation)
    this.#database
      .prepare('DELETE FROM events WHERE sequence <= ?')
      .run(Math.min(sequence, this.#last - this.#retained))
  }

  /** All but those of one generation, some at a time: others want the thread. */
  async #forgetParts(generation: number): Promise<void> {
    const forget = this.#database.prepare(`DELETE FROM picture_parts WHERE rowid IN
      (SELECT rowid FROM picture_parts WHERE generation <> ? LIMIT ${partsAtOnce})`)
    while (!this.#closed && forget.run(generation).changes !== 0) await nextTurn()
  }

  #generation(): number {
    return Number(this.#database.prepare('SELECT generation FROM picture').get()?.generation ?? 0)
  }

  async picture(): Promise<Picture | null> {
    const row = this.#database.prepare('SELECT sequence, bytes, generation FROM picture').get()
    if (row === undefined || !(row.bytes instanceof Uint8Array)) return null
    const { bytes } = row
    const whole = row.generation === 0
    const parts = whole ? [bytes] : this.#parts(Number(row.generation))
    return { sequence: Number(row.sequence), parts }
  }

  *#parts(generation: number): Generator<Uint8Array> {
    const rows = this.#database
      .prepare('SELECT bytes FROM picture_parts WHERE generation = ? ORDER BY place')
      .iterate(generation)
    for (const { bytes } of rows) if (bytes instanceof Uint8Array) yield bytes
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#commit()
    this.#closed = true
    this.#listeners.clear()
    this.#database.close()
  }

  #transaction(flush: boolean, work: () => void): void {
    if (flush) this.#database.exec('PRAGMA synchronous = FULL')
    try {
      this.#database.exec('BEGIN IMMEDIATE')
      try {
        work()
        this.#database.exec('COMMIT')
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
        throw error
      }
    } finally {
      if (flush) this.#database.exec('PRAGMA synchronous = NORMAL')
    }
  }

  #commit(): void {
    const batch = this.#pending
    if (batch.length === 0) return
    this.#pending = []
    const entries: LogEntry<Event>[] = []
    const lastOf: number[] = []
    let last = this.#last
    try {
      this.#transaction(
        batch.some(pending => pending.flush),
        () => {
          for (const { events } of batch) {
            for (const event of events) {
              last = Number(this.#insert.run(JSON.stringify(event)).lastInsertRowid)
              entries.push({ sequence: last, event })
            }
            lastOf.push(last)
          }
        },
      )
      this.#last = last
      if (entries.length > 0) for (const listener of this.#listeners) listener(entries)
    } catch (error) {
      for (const pending of batch) pending.reject(writeError(error))
      return
    }
    for (const [index, pending] of batch.entries()) pending.resolve(lastOf[index] ?? last)
  }
}
