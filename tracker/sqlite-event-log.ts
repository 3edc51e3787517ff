// The event log in a SQLite file. Appends of one turn of the event loop share a transaction. WAL
// with synchronous=NORMAL survives the death of the process at any point; a power cut may take the
// last transactions, which is harmless for what volunteers repeat (holdings) and not for the rest:
// such events are appended with `flush`, for which the transaction is synchronous=FULL.

import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { describeError, MirrorswarmError } from '../core/errors.ts'
import { databaseBusyMs, retainedEvents } from '../core/limits.ts'
import { logPageCharacters } from '../core/program-limits.ts'
import type { AppendOptions, EventLog, LogEntry, Picture } from './event-log.ts'

const formatVersion = 1
const schema = `
  CREATE TABLE IF NOT EXISTS events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    body TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS picture (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;
  PRAGMA user_version = ${formatVersion};
`

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
    if (version !== 0 && version !== formatVersion) {
      throw new Error(`its format is ${version}, this version knows ${formatVersion}`)
    }
    database.exec(schema)
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

  async savePicture(sequence: number, bytes: Uint8Array): Promise<void> {
    this.#transaction(false, () => {
      this.#database
        .prepare('INSERT OR REPLACE INTO picture (id, sequence, bytes) VALUES (1, ?, ?)')
        .run(sequence, bytes)
      this.#database
        .prepare('DELETE FROM events WHERE sequence <= ?')
        .run(Math.min(sequence, this.#last - this.#retained))
    })
  }

  async picture(): Promise<Picture | null> {
    const row = this.#database.prepare('SELECT sequence, bytes FROM picture').get()
    if (row === undefined || !(row.bytes instanceof Uint8Array)) return null
    return { sequence: Number(row.sequence), bytes: row.bytes }
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
