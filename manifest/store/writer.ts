// The one connection that changes a manifest database: transactions, identity, and the lock that
// keeps two publishers apart. What is written is in the modules beside it.

import { DatabaseSync } from 'node:sqlite'
import { MirrorswarmError } from '../../core/errors.ts'
import type { RepositoryId } from '../../core/ids.ts'
import type { RepositoryIdentity, Snapshot } from '../model.ts'
import { numberOf, snapshotOf, textOf } from './rows.ts'
import { openDatabase } from './schema.ts'

/** Everything that belongs to one epoch. */
const wipeEpoch = `
  DELETE FROM entries; DELETE FROM contents; DELETE FROM snapshots; DELETE FROM bundles;
  DELETE FROM bundle_members; DELETE FROM parts; DELETE FROM files;
  DELETE FROM chunk_maps;
  DELETE FROM meta WHERE key = 'contentCount';
`

export class ManifestWriter {
  readonly file: string
  /** For the modules of store/ alone. */
  readonly database: DatabaseSync
  #busy = false

  private constructor(file: string, database: DatabaseSync) {
    this.file = file
    this.database = database
  }

  /** Open the database, making an empty one when there is none. Throws MS_DATA_CORRUPT. */
  static open(file: string): ManifestWriter {
    return new ManifestWriter(file, openDatabase(file, false))
  }

  close(): void {
    this.database.close()
  }

  identity(): RepositoryIdentity | null {
    const repositoryId = this.meta('repositoryId')
    const epoch = this.meta('epoch')
    if (repositoryId === undefined || epoch === undefined) return null
    return {
      repositoryId: textOf(repositoryId, 'value') as RepositoryId,
      epoch: numberOf(epoch, 'value'),
    }
  }

  /**
   * Name the repository and epoch. On an origin a new epoch continues with the same contents and
   * snapshots, but the parts made for the old one are forgotten, since each names its epoch.
   */
  setIdentity(identity: RepositoryIdentity): void {
    const current = this.identity()
    if (current?.repositoryId === identity.repositoryId && current.epoch === identity.epoch) return
    if (current !== null && current.repositoryId !== identity.repositoryId) {
      throw new MirrorswarmError(
        'MS_DATA_CORRUPT',
        `the manifest belongs to repository ${current.repositoryId}, not ${identity.repositoryId}`,
      )
    }
    this.transactionSync(() => {
      this.database.exec('DELETE FROM parts')
      this.setMeta('repositoryId', identity.repositoryId)
      this.setMeta('epoch', identity.epoch)
    })
  }

  /** Forget everything and start with another identity: what a volunteer does at a new epoch. */
  restart(identity: RepositoryIdentity): void {
    this.database.exec(wipeEpoch)
    this.setMeta('repositoryId', identity.repositoryId)
    this.setMeta('epoch', identity.epoch)
  }

  latest(): Snapshot | null {
    const row = this.database.prepare('SELECT * FROM snapshots ORDER BY number DESC LIMIT 1').get()
    return row === undefined ? null : snapshotOf(row)
  }

  meta(key: string) {
    return this.database.prepare('SELECT value FROM meta WHERE key = ?').get(key)
  }

  setMeta(key: string, value: string | number): void {
    this.database.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)').run(key, value)
  }

  /** All or nothing, and on disk (power cut included) when `durable`. */
  async transaction<T>(durable: boolean, work: () => Promise<T>): Promise<T> {
    this.#begin(durable)
    try {
      const result = await work()
      this.#end('COMMIT')
      return result
    } catch (error) {
      this.#end('ROLLBACK')
      throw error
    }
  }

  /** The same for work that never waits. */
  transactionSync<T>(work: () => T, durable = false): T {
    this.#begin(durable)
    try {
      const result = work()
      this.#end('COMMIT')
      return result
    } catch (error) {
      this.#end('ROLLBACK')
      throw error
    }
  }

  /**
   * Keep every other publisher out until the returned function is called. The lock dies with the
   * process. Throws MS_PUBLISH_RUNNING.
   */
  lock(): () => void {
    const lock = new DatabaseSync(`${this.file}.lock`, { timeout: 0 })
    try {
      lock.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE')
    } catch (error) {
      lock.close()
      throw new MirrorswarmError('MS_PUBLISH_RUNNING', 'this manifest is being changed already', {
        cause: error,
      })
    }
    return () => lock.close()
  }

  #begin(durable: boolean): void {
    if (this.#busy) throw new MirrorswarmError('MS_PUBLISH_RUNNING', 'a change is under way')
    this.database.exec(`PRAGMA synchronous = ${durable ? 'FULL' : 'NORMAL'}; BEGIN IMMEDIATE`)
    this.#busy = true
  }

  #end(how: 'COMMIT' | 'ROLLBACK'): void {
    this.#busy = false
    // A failed statement may have ended the transaction already.
    if (how === 'COMMIT' || this.database.isTransaction) this.database.exec(how)
  }
}
