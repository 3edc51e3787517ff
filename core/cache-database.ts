// A SQLite file that only remembers what can be found out again: whatever is wrong with it, it is
// thrown away and begun anew, and a full disk costs memories only. What is wrong again at once is let
// rest for a while. It must not know what it holds.

import { rmSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { cachePauseFirstMs, cachePauseMostMs } from './basis-limits.ts'

export interface CacheDatabaseOptions {
  /** Statements that make the tables (IF NOT EXISTS). */
  readonly schema: string
  /** Files of another version are thrown away. */
  readonly version: number
  readonly pageBytes?: number
  readonly cacheKiB?: number
  /** Told after a fault; `lost`: all that was remembered is gone. */
  readonly onFault?: (error: unknown, lost: boolean) => void
  /** Milliseconds that only grow. */
  readonly nowMs?: () => number
}

/** Primary result codes of SQLite after which the file is of no use: ERROR, CORRUPT, NOTADB. */
const uselessCodes: ReadonlySet<number> = new Set([1, 11, 26])

/** Thrown by a user of the file that finds nonsense in it. */
export class CacheNonsense extends Error {}

const sqliteCode = (error: unknown): number | null =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode & 0xff
    : null

const isUseless = (error: unknown): boolean => {
  const code = sqliteCode(error)
  return code === null ? error instanceof CacheNonsense : uselessCodes.has(code)
}

const userVersion = (database: DatabaseSync): number =>
  Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0)

export class CacheDatabase {
  readonly #file: string
  readonly #options: CacheDatabaseOptions
  readonly #statements = new Map<string, StatementSync>()
  #database: DatabaseSync | null = null
  #generation = 0
  #isNew = false
  #closed = false
  readonly #nowMs: () => number
  /** Until when nothing is tried, after a fault that came back soon. */
  #restUntilMs = Number.NEGATIVE_INFINITY
  #pauseMs = cachePauseFirstMs
  #renewedMs = Number.NEGATIVE_INFINITY
  #toldMs = Number.NEGATIVE_INFINITY

  /** Opens the file, or makes it. Never throws: see `isUsable`. */
  constructor(file: string, options: CacheDatabaseOptions) {
    this.#file = file
    this.#options = options
    this.#nowMs = options.nowMs ?? (() => performance.now())
    this.#tryOpen()
  }

  /** False while it rests: then nothing is remembered. */
  get isUsable(): boolean {
    return this.#current() !== null
  }

  /** True when the file was made by this object: nothing from before is in it. */
  get isNew(): boolean {
    return this.#isNew
  }

  /** Grows when all was lost, and when what could not be opened is. */
  get generation(): number {
    return this.#generation
  }

  #open(): void {
    const { pageBytes = 4096, cacheKiB = 2048, schema, version } = this.#options
    const database = new DatabaseSync(this.#file)
    try {
      database.exec(`PRAGMA page_size=${pageBytes}; PRAGMA journal_mode=WAL`)
      database.exec(`PRAGMA synchronous=NORMAL; PRAGMA cache_size=-${cacheKiB}`)
      database.exec('PRAGMA journal_size_limit=4194304')
      const found = userVersion(database)
      const empty = database.prepare('SELECT 1 FROM sqlite_master LIMIT 1').get() === undefined
      if (!empty && found !== version) throw new CacheNonsense('it has another version')
      database.exec(schema)
      if (empty) database.exec(`PRAGMA user_version=${version}`)
      this.#isNew ||= empty
    } catch (error) {
      database.close()
      throw error
    }
    this.#database = database
  }

  /** What cannot be read for lack of space, rights or descriptors may be good later: it stays. */
  #tryOpen(): void {
    try {
      this.#open()
    } catch (error) {
      const lost = isUseless(error)
      this.#fault(error, lost)
      if (lost) this.#renew()
      else this.#rest()
    }
  }

  /** Throw all away and begin anew; not at once if that was done a moment ago and did not help. */
  #renew(): void {
    this.#release()
    this.#generation += 1
    this.#isNew = true
    const isSoon = this.#nowMs() - this.#renewedMs < this.#pauseMs
    this.#renewedMs = this.#nowMs()
    try {
      for (const end of ['', '-wal', '-shm']) rmSync(`${this.#file}${end}`, { force: true })
      if (isSoon) this.#rest()
      else this.#open()
    } catch (error) {
      this.#fault(error, true)
      this.#rest()
    }
  }

  #rest(): void {
    const nowMs = this.#nowMs()
    // A long time without a fault makes the next pause short again.
    const again = nowMs - this.#restUntilMs < cachePauseMostMs
    this.#pauseMs = again ? Math.min(2 * this.#pauseMs, cachePauseMostMs) : cachePauseFirstMs
    this.#restUntilMs = nowMs + this.#pauseMs
  }

  /** The file when it may be used; after a rest it is tried again. */
  #current(): DatabaseSync | null {
    if (this.#database === null && !this.#closed && this.#nowMs() >= this.#restUntilMs) {
      this.#generation += 1
      this.#renewedMs = this.#nowMs()
      this.#tryOpen()
    }
    return this.#database
  }

  /** A disk that stays full is told of now and then, not with each attempt. */
  #fault(error: unknown, lost: boolean): void {
    const nowMs = this.#nowMs()
    if (!lost && nowMs - this.#toldMs < cachePauseFirstMs) return
    if (!lost) this.#toldMs = nowMs
    this.#options.onFault?.(error, lost)
  }

  /** A prepared statement, made once; only inside `attempt`. */
  prepare(sql: string): StatementSync {
    if (this.#database === null) throw new CacheNonsense('it is closed')
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  /**
   * All of `work` in one transaction, or nothing of it and `otherwise`. `work` must not wait. What is
   * wrong with the file never throws; other errors of `work` do.
   */
  attempt<T>(work: () => T, otherwise: T): T {
    const database = this.#current()
    if (database === null) return otherwise
    try {
      database.exec('BEGIN')
      const result = work()
      database.exec('COMMIT')
      return result
    } catch (error) {
      const rolledBack = this.#rollBack(database)
      if (sqliteCode(error) === null && !(error instanceof CacheNonsense)) throw error
      const lost = !rolledBack || isUseless(error)
      this.#fault(error, lost)
      if (lost) this.#renew()
      return otherwise
    }
  }

  #rollBack(database: DatabaseSync): boolean {
    try {
      if (database.isTransaction) database.exec('ROLLBACK')
      return true
    } catch (error) {
      this.#fault(error, false)
      return false
    }
  }

  close(): void {
    this.#closed = true
    this.#release()
  }

  #release(): void {
    this.#statements.clear()
    const database = this.#database
    this.#database = null
    try {
      database?.close()
    } catch (error) {
      this.#fault(error, false)
    }
  }
}
