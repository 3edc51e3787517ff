// One-time tokens for enrolment, in a small database of their own, so that a command can make one
// while the origin runs. Only hashes are stored: the tokens are random, so a plain hash is enough.

import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { MirrorswarmError } from '../core/errors.ts'
import { sha256Hex } from '../core/keys.ts'

export type Trust = 'full' | 'signed-only'

export interface TokenOptions {
  /** How many volunteers may enrol with it. */
  readonly uses: number
  /** Milliseconds since 1970. */
  readonly expiresMs: number
  readonly trust: Trust
}

export interface CreatedToken {
  readonly token: string
  readonly uses: number
  readonly expiresMs: number
  readonly trust: Trust
}

const formatVersion = 1

export class TokenStore {
  readonly #database: DatabaseSync

  constructor(file: string) {
    this.#database = new DatabaseSync(file, { timeout: 5000 })
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    const row = this.#database.prepare('PRAGMA user_version').get()
    const version = Number(row?.user_version ?? 0)
    if (version > formatVersion) {
      this.#database.close()
      throw new MirrorswarmError('MS_DATA_CORRUPT', `${file} was written by a newer version`)
    }
    this.#database.exec(
      `CREATE TABLE IF NOT EXISTS tokens (hash TEXT PRIMARY KEY, uses INTEGER NOT NULL,
         expires_ms INTEGER NOT NULL, trust TEXT NOT NULL) WITHOUT ROWID;
       PRAGMA user_version = ${formatVersion}`,
    )
  }

  /** Make a token and forget those that expired. The text is not stored and cannot be shown again. */
  create(options: TokenOptions, nowMs: number): CreatedToken {
    // In hexadecimal: nothing that a command line takes for an option, or a double click for its end.
    const token = randomBytes(16).toString('hex')
    this.#database.prepare('DELETE FROM tokens WHERE expires_ms <= ?').run(nowMs)
    this.#database
      .prepare('INSERT INTO tokens (hash, uses, expires_ms, trust) VALUES (?, ?, ?, ?)')
      .run(sha256Hex(token), options.uses, options.expiresMs, options.trust)
    return { token, ...options }
  }

  /** Use a token once: what it allows, or null when it is unknown, used up or expired. */
  redeem(token: string, nowMs: number): Trust | null {
    const row = this.#database
      .prepare(
        `UPDATE tokens SET uses = uses - 1 WHERE hash = ? AND uses > 0 AND expires_ms > ?
         RETURNING trust`,
      )
      .get(sha256Hex(token), nowMs)
    if (row === undefined) return null
    return row.trust === 'full' ? 'full' : 'signed-only'
  }

  /** Give a use back after an enrolment that failed behind the redeeming. */
  refund(token: string): void {
    this.#database.prepare('UPDATE tokens SET uses = uses + 1 WHERE hash = ?').run(sha256Hex(token))
  }

  close(): void {
    this.#database.close()
  }
}
