// Which torrents of single files were handed out: a file in a bundle has an info-hash of its own in
// PATH.torrent, and the tracker answers only for info-hashes that the origin made. Kept on disk, so
// that a restart does not orphan the downloads that are under way.

import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { MirrorswarmError } from '../core/errors.ts'
import type { ContentNumber, InfoHash } from '../core/ids.ts'
import { databaseBusyMs, knownTorrents } from '../core/limits.ts'

const formatVersion = 1

export class TorrentIndex {
  readonly #database: DatabaseSync
  readonly #find: StatementSync
  readonly #add: StatementSync
  readonly #forget: StatementSync
  readonly #limit: number

  constructor(file: string, limit = knownTorrents) {
    this.#limit = limit
    this.#database = new DatabaseSync(file, { timeout: databaseBusyMs })
    // Losing the last moment's entries in a power cut costs one more fetch of a torrent file.
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
    const version = Number(this.#database.prepare('PRAGMA user_version').get()?.user_version ?? 0)
    if (version > formatVersion) {
      this.#database.close()
      throw new MirrorswarmError('MS_DATA_CORRUPT', `${file} was written by a newer version`)
    }
    this.#database.exec(`
      CREATE TABLE IF NOT EXISTS torrents (
        number INTEGER PRIMARY KEY AUTOINCREMENT, info_hash TEXT NOT NULL UNIQUE,
        content INTEGER NOT NULL) STRICT;
      PRAGMA user_version = ${formatVersion}`)
    this.#find = this.#database.prepare('SELECT content FROM torrents WHERE info_hash = ?')
    this.#add = this.#database.prepare(
      'INSERT INTO torrents (info_hash, content) VALUES (?, ?) RETURNING number',
    )
    this.#forget = this.#database.prepare('DELETE FROM torrents WHERE number <= ?')
  }

  /** The content that a torrent carries; null for one that was not handed out. */
  find(infoHash: InfoHash): ContentNumber | null {
    const content = this.#find.get(infoHash)?.content
    return typeof content === 'number' ? content : null
  }

  remember(infoHash: InfoHash, content: ContentNumber): void {
    if (this.find(infoHash) !== null) return
    const number = this.#add.get(infoHash, content)?.number
    if (typeof number === 'number' && number > this.#limit) this.#forget.run(number - this.#limit)
  }

  close(): void {
    this.#database.close()
  }
}
