// Which held contents have which relative key (manifest/formats/package-name.ts), and of which
// families nothing ever matched: a file beside held.db that may be lost. It names contents by the
// first bytes of their hashes and may name some that are gone; whoever asks looks them up.

import { hash } from 'node:crypto'
import { rememberedFamilies } from '../core/basis-limits.ts'
import { CacheDatabase } from '../core/cache-database.ts'
import type { RepoPath, Sha256 } from '../core/ids.ts'
import { readName } from '../manifest/formats/package-name.ts'
import { prefixOf } from '../prsync/logic/anchor-bucket.ts'
import type { FamilyMemory } from './logic/basis-memory.ts'

const schema = `
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS names (
  key INTEGER NOT NULL, prefix INTEGER NOT NULL, PRIMARY KEY (key, prefix)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS families (
  id INTEGER PRIMARY KEY AUTOINCREMENT, key INTEGER NOT NULL UNIQUE, misses INTEGER NOT NULL,
  skips INTEGER NOT NULL
);
`

/** Bytes of a key's hash: collisions cost a look at a file's name. */
const keyBytes = 6

const numberOfKey = (key: string): number => hash('sha1', key, 'buffer').readUIntBE(0, keyBytes)

export class BasisNames {
  readonly #cache: CacheDatabase
  readonly #wasCut: boolean

  constructor(file: string, onFault?: (error: unknown, lost: boolean) => void) {
    this.#cache = new CacheDatabase(file, {
      ...{ schema, version: 1 },
      ...(onFault === undefined ? {} : { onFault }),
    })
    this.#wasCut = this.#cache.attempt(() => {
      const open = this.#cache.prepare("SELECT 1 FROM meta WHERE key = 'open'").get()
      this.#setMeta('open', 1)
      return open !== undefined
    }, false)
  }

  #setMeta(key: string, value: number): void {
    this.#cache.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(key, value)
  }

  /** Grows when all was lost. */
  get generation(): number {
    return this.#cache.generation
  }

  /** False while what is wrong with the file does not go away. */
  get isUsable(): boolean {
    return this.#cache.isUsable
  }

  /** All held files must be told again: nothing is known, or the last run was cut off. */
  needsFilling(): boolean {
    const filled = this.#cache.attempt(
      () => this.#cache.prepare("SELECT 1 FROM meta WHERE key = 'filled'").get() !== undefined,
      false,
    )
    return this.#wasCut || !filled
  }

  setFilled(): void {
    this.#cache.attempt(() => this.#setMeta('filled', 1), undefined)
  }

  add(files: readonly { readonly path: RepoPath; readonly sha256: Sha256 }[]): void {
    const rows = files.map(({ path, sha256 }) => ({
      key: numberOfKey(readName(path).key),
      prefix: prefixOf(sha256),
    }))
    this.#cache.attempt(() => {
      const insert = this.#cache.prepare('INSERT OR IGNORE INTO names VALUES (?, ?)')
      for (const { key, prefix } of rows) insert.run(key, prefix)
    }, undefined)
  }

  /** Contents with this key (their prefixes), some perhaps gone. */
  related(key: string, limit: number): number[] {
    return this.#cache.attempt(() => {
      const select = this.#cache.prepare('SELECT prefix FROM names WHERE key = ? LIMIT ?')
      return select.all(numberOfKey(key), limit).map(row => Number(row.prefix))
    }, [])
  }

  /** Nothing held has this key and this prefix (any more). */
  forget(key: string, prefixes: readonly number[]): void {
    if (prefixes.length === 0) return
    this.#cache.attempt(() => {
      const remove = this.#cache.prepare('DELETE FROM names WHERE key = ? AND prefix = ?')
      for (const prefix of prefixes) remove.run(numberOfKey(key), prefix)
    }, undefined)
  }

  family(key: string): FamilyMemory | null {
    return this.#cache.attempt(() => {
      const select = this.#cache.prepare('SELECT misses, skips FROM families WHERE key = ?')
      const row = select.get(numberOfKey(key))
      return row === undefined ? null : { misses: Number(row.misses), skips: Number(row.skips) }
    }, null)
  }

  /** `null` forgets it; the families that were not written for the longest time are forgotten. */
  setFamily(key: string, memory: FamilyMemory | null): void {
    const number = numberOfKey(key)
    this.#cache.attempt(() => {
      if (memory === null) {
        this.#cache.prepare('DELETE FROM families WHERE key = ?').run(number)
        return
      }
      const sql = 'INSERT OR REPLACE INTO families (key, misses, skips) VALUES (?, ?, ?)'
      const { misses, skips } = memory
      const id = Number(this.#cache.prepare(sql).run(number, misses, skips).lastInsertRowid)
      this.#cache.prepare('DELETE FROM families WHERE id <= ?').run(id - rememberedFamilies)
    }, undefined)
  }

  close(): void {
    this.#cache.attempt(() => {
      this.#cache.prepare("DELETE FROM meta WHERE key = 'open'").run()
    }, undefined)
    this.#cache.close()
  }
}
