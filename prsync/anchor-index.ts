// Which held contents have an anchor: a sampled index in a file of its own, which may be lost and is
// then filled anew. It finds out nothing by itself and must not know where contents lie.

import { setImmediate as breathe } from 'node:timers/promises'
import {
  anchorIndexBytes,
  anchorIndexRowsAtOnce,
  droppedContentsKept,
  droppedForgottenAtOnce,
  recentAnchorEntries,
  unsavedSketches,
} from '../core/basis-limits.ts'
import { CacheDatabase, CacheNonsense } from '../core/cache-database.ts'
import type { Sha256 } from '../core/ids.ts'
import { anchorBytes } from '../core/kernel/anchors.ts'
import {
  type BucketEntry,
  bucketCount,
  bucketEntryBytes,
  entryAt,
  entryCount,
  isRow,
  mergeRows,
  mostHalvings,
  packSketch,
  prefixOf,
  sortEntries,
} from './logic/anchor-bucket.ts'
import { AnchorLookup, type Nomination } from './logic/anchor-lookup.ts'

/** Bytes on disk for each entry, with what SQLite's pages leave empty; a test measures it. */
const entryBytesOnDisk = 15

const schema = `
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS buckets (id INTEGER PRIMARY KEY, entries BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS recent (
  id INTEGER PRIMARY KEY, prefix INTEGER NOT NULL, sketch BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS dropped (prefix INTEGER PRIMARY KEY);
`

export interface AnchorIndexOptions {
  /** What the file may grow to. */
  readonly budgetBytes?: number
  readonly onFault?: (error: unknown, lost: boolean) => void
}

const emptyRow = new Uint8Array(0)

const joined = (parts: readonly Uint8Array[]): Uint8Array => {
  const whole = new Uint8Array(parts.length * bucketEntryBytes)
  for (const [index, part] of parts.entries()) whole.set(part, index * bucketEntryBytes)
  return whole
}

/** Entries that are not in the rows yet: in memory for look-ups, in a table for the next start. */
class RecentEntries {
  readonly buckets = new Map<number, Uint8Array[]>()
  readonly #byLevel = new Uint32Array(mostHalvings)
  count = 0
  lastId = 0

  add(sketch: Uint8Array, prefix: number, leastLevel: number): void {
    for (const { bucket, entry } of packSketch(sketch, prefix, leastLevel)) {
      const entries = this.buckets.get(bucket)
      if (entries === undefined) this.buckets.set(bucket, [entry])
      else entries.push(entry)
      const { level } = entryAt(entry, 0)
      this.#byLevel[level] = (this.#byLevel[level] ?? 0) + 1
      this.count += 1
    }
  }

  /** Entries that so many halvings leave. */
  left(halvings: number): number {
    return this.#byLevel.subarray(halvings).reduce((sum, count) => sum + count, 0)
  }
}

/** A sketch that is not even in the table of recent ones. */
interface Unsaved {
  readonly prefix: number
  readonly sketch: Uint8Array
  /** It was among those dropped. */
  readonly revived: boolean
}

export class AnchorIndex {
  readonly #cache: CacheDatabase
  readonly #mostEntries: number
  #recent = new RecentEntries()
  /** Being merged into the rows: not in all of them yet. */
  #merging: RecentEntries | null = null
  #unsaved: Unsaved[] = []
  #dropped = new Set<number>()
  #work: Promise<void> = Promise.resolve()
  #generation = -1
  #halvings = 0
  #entries = 0
  #closed = false

  private constructor(file: string, options: AnchorIndexOptions) {
    const budget = options.budgetBytes ?? anchorIndexBytes
    this.#mostEntries = Math.max(1, Math.floor(budget / entryBytesOnDisk))
    this.#cache = new CacheDatabase(file, {
      ...{ schema, version: 1, pageBytes: 16_384, cacheKiB: 8192 },
      ...(options.onFault === undefined ? {} : { onFault: options.onFault }),
    })
    this.#refresh()
  }

  /** Never throws: what cannot be opened is empty and forgets what it is told. */
  static open(file: string, options: AnchorIndexOptions = {}): AnchorIndex {
    return new AnchorIndex(file, options)
  }

  /** True when nothing from before is known: contents held already must be added anew. */
  get isNew(): boolean {
    return this.#cache.isNew
  }

  /** Grows when all was lost. */
  get generation(): number {
    return this.#cache.generation
  }

  /** False while what is wrong with the file does not go away. */
  get isUsable(): boolean {
    return this.#attempt(() => true, false)
  }

  get isEmpty(): boolean {
    return this.entryCount === 0
  }

  get entryCount(): number {
    return this.#entries + this.#recent.count + (this.#merging?.count ?? 0)
  }

  /** How often the sampling was halved; needed to judge a number of hits. */
  get halvings(): number {
    return this.#halvings
  }

  /** Remembered for whoever fills the index: as far as it came. */
  mark(key: string): number | null {
    return this.#attempt(() => this.#meta(key), null)
  }

  setMark(key: string, value: number): void {
    this.#attempt(() => this.#setMeta(key, value), undefined)
  }

  /** Remember a content by its sketch (logic/anchor-sketch.ts). Cheap; it is on disk after `save`. */
  add(sha256: Sha256, sketch: Uint8Array): void {
    if (sketch.length === 0 || this.#closed) return
    const prefix = prefixOf(sha256)
    this.#unsaved.push({ prefix, sketch, revived: this.#dropped.delete(prefix) })
    this.#recent.add(sketch, prefix, this.#halvings)
    if (this.#unsaved.length >= unsavedSketches) this.save()
    if (this.#recent.count >= recentAnchorEntries) this.#tidy()
  }

  /** What was added survives the process from now on. */
  save(): void {
    const unsaved = this.#unsaved
    if (unsaved.length === 0) return
    this.#unsaved = []
    this.#attempt(() => {
      const insert = this.#cache.prepare('INSERT INTO recent (prefix, sketch) VALUES (?, ?)')
      const revive = this.#cache.prepare('DELETE FROM dropped WHERE prefix = ?')
      for (const { prefix, sketch, revived } of unsaved) {
        this.#recent.lastId = Number(insert.run(prefix, sketch).lastInsertRowid)
        if (revived) revive.run(prefix)
      }
    }, undefined)
  }

  /** The content is not held any more; its entries go when rows are rewritten. */
  drop(sha256: Sha256): void {
    const prefix = prefixOf(sha256)
    this.save()
    if (this.isEmpty || this.#dropped.has(prefix) || this.#closed) return
    this.#attempt(() => {
      this.#cache.prepare('INSERT OR IGNORE INTO dropped VALUES (?)').run(prefix)
      this.#dropped.add(prefix)
    }, undefined)
    if (this.#dropped.size >= droppedContentsKept) this.#tidy()
  }

  /** Contents that share anchors with a list of them; unsorted, some perhaps not held any more. */
  async nominate(anchors: Uint8Array, signal?: AbortSignal): Promise<Nomination[]> {
    const lookup = new AnchorLookup(
      anchors.subarray(0, anchors.length - (anchors.length % anchorBytes)),
    )
    for (const { first, end, buckets } of lookup.slices(anchorIndexRowsAtOnce)) {
      signal?.throwIfAborted()
      const rows = this.#attempt(() => this.#rows(first, end, buckets), new Map())
      for (const bucket of buckets) {
        lookup.match(bucket, rows.get(bucket) ?? emptyRow)
        for (const recent of [this.#recent, this.#merging]) {
          const entries = recent?.buckets.get(bucket)
          if (entries !== undefined) lookup.match(bucket, sortEntries(joined(entries)))
        }
      }
      await breathe()
    }
    return lookup.nominations().filter(({ prefix }) => !this.#dropped.has(prefix))
  }

  /** Bring everything into the rows now. */
  async flush(): Promise<void> {
    this.#tidy()
    await this.#work
  }

  /** Waits for the slice that is being written; what is not in rows yet is kept beside them. */
  async close(): Promise<void> {
    this.save()
    this.#closed = true
    await this.#work
    this.#cache.close()
  }

  #attempt<T>(work: () => T, otherwise: T): T {
    const result = this.#cache.attempt(work, otherwise)
    if (this.#cache.generation !== this.#generation) this.#refresh()
    return result
  }

  /** Read what is remembered beside the rows; empty after a loss. */
  #refresh(): void {
    this.#generation = this.#cache.generation
    this.#recent = new RecentEntries()
    this.#unsaved = []
    this.#merging = null
    this.#dropped = new Set()
    this.#entries = 0
    this.#halvings = 0
    this.#cache.attempt(() => {
      this.#entries = this.#meta('entries') ?? 0
      this.#halvings = this.#meta('halvings') ?? 0
      for (const row of this.#cache.prepare('SELECT prefix FROM dropped').iterate()) {
        this.#dropped.add(Number(row.prefix))
      }
      for (const row of this.#cache.prepare('SELECT * FROM recent ORDER BY id').iterate()) {
        if (!(row.sketch instanceof Uint8Array)) throw new CacheNonsense('a sketch is no blob')
        this.#recent.add(row.sketch, Number(row.prefix), this.#halvings)
        this.#recent.lastId = Number(row.id)
      }
    }, undefined)
    if (this.#generation !== this.#cache.generation) this.#refresh()
  }

  #meta(key: string): number | null {
    const value = this.#cache.prepare('SELECT value FROM meta WHERE key = ?').get(key)?.value
    return typeof value === 'number' ? value : null
  }

  #setMeta(key: string, value: number): void {
    this.#cache.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(key, value)
  }

  /** The rows of some buckets between two; read at once where most of them are wanted. */
  #rows(first: number, end: number, buckets: readonly number[]): Map<number, Uint8Array> {
    const rows = new Map<number, Uint8Array>()
    const take = (row: Record<string, unknown> | undefined): void => {
      if (row === undefined) return
      if (!isRow(row.entries)) throw new CacheNonsense('a row is no list of entries')
      rows.set(Number(row.id), row.entries)
    }
    if (buckets.length * 4 > end - first) {
      const sql = 'SELECT * FROM buckets WHERE id >= ? AND id < ?'
      for (const row of this.#cache.prepare(sql).iterate(first, end)) take(row)
    } else {
      const one = this.#cache.prepare('SELECT * FROM buckets WHERE id = ?')
      for (const bucket of buckets) take(one.get(bucket))
    }
    return rows
  }

  #tidy(): void {
    this.save()
    if (this.#merging !== null || this.#closed) return
    this.#merging = this.#recent
    this.#recent = new RecentEntries()
    this.#recent.lastId = this.#merging.lastId
    this.#work = this.#work.then(() => this.#merge())
  }

  /** Bring the recent entries into their rows; all rows are rewritten when there is much to drop. */
  async #merge(): Promise<void> {
    const generation = this.#generation
    const merging = this.#merging
    if (merging === null) return
    while (
      this.#entries + merging.left(this.#halvings) > this.#mostEntries &&
      this.#halvings < mostHalvings
    ) {
      if (!(await this.#sweep(this.#halvings + 1, generation))) return
    }
    if (this.#dropped.size >= droppedContentsKept) {
      if (!(await this.#sweep(this.#halvings, generation))) return
    }
    const buckets = [...merging.buckets.keys()].sort((left, right) => left - right)
    for (let at = 0; at < buckets.length; at += anchorIndexRowsAtOnce) {
      if (this.#closed || this.#generation !== generation) return
      this.#rewrite(buckets.slice(at, at + anchorIndexRowsAtOnce), merging)
      await breathe()
    }
    if (this.#closed || this.#generation !== generation) return
    this.#attempt(() => {
      this.#cache.prepare('DELETE FROM recent WHERE id <= ?').run(merging.lastId)
    }, undefined)
    if (this.#generation === generation) this.#merging = null
  }

  /** Rewrite every row without dropped contents and with fewer samples; false when it was stopped. */
  async #sweep(halvings: number, generation: number): Promise<boolean> {
    const dropped = [...this.#dropped]
    this.#attempt(() => this.#setMeta('halvings', halvings), undefined)
    this.#halvings = halvings
    for (let first = 0; first < bucketCount; first += anchorIndexRowsAtOnce) {
      if (this.#closed || this.#generation !== generation) return false
      const ids = Array.from({ length: anchorIndexRowsAtOnce }, (_, index) => first + index)
      this.#rewrite(ids, null)
      await breathe()
    }
    return await this.#forget(dropped, generation)
  }

  /** These are in no row any more; false when it was stopped. */
  async #forget(dropped: readonly number[], generation: number): Promise<boolean> {
    for (let at = 0; at < dropped.length; at += droppedForgottenAtOnce) {
      if (this.#closed || this.#generation !== generation) return false
      const some = dropped
        .slice(at, at + droppedForgottenAtOnce)
        .filter(prefix => this.#dropped.has(prefix))
      const done = this.#attempt(() => {
        const forget = this.#cache.prepare('DELETE FROM dropped WHERE prefix = ?')
        for (const prefix of some) forget.run(prefix)
        return true
      }, false)
      if (done) for (const prefix of some) this.#dropped.delete(prefix)
      await breathe()
    }
    return this.#generation === generation
  }

  #rewrite(buckets: readonly number[], merging: RecentEntries | null): void {
    const keep = ({ level, prefix }: BucketEntry): boolean =>
      level >= this.#halvings && !this.#dropped.has(prefix)
    const [first = 0] = buckets
    const end = (buckets.at(-1) ?? first) + 1
    this.#attempt(() => {
      let change = 0
      const rows = this.#rows(first, end, buckets)
      for (const bucket of buckets) {
        const before = rows.get(bucket) ?? emptyRow
        const added = merging?.buckets.get(bucket)
        const right = added === undefined ? emptyRow : sortEntries(joined(added))
        const after = mergeRows(before, right, keep)
        if (after.length === before.length && right.length === 0) continue
        change += entryCount(after) - entryCount(before)
        this.#write(bucket, after, before.length > 0)
      }
      const entries = this.#entries + change
      this.#setMeta('entries', entries)
      this.#entries = entries
    }, undefined)
  }

  #write(bucket: number, entries: Uint8Array, exists: boolean): void {
    if (entries.length === 0) {
      this.#cache.prepare('DELETE FROM buckets WHERE id = ?').run(bucket)
    } else if (exists) {
      this.#cache.prepare('UPDATE buckets SET entries = ?2 WHERE id = ?1').run(bucket, entries)
    } else {
      this.#cache.prepare('INSERT INTO buckets VALUES (?, ?)').run(bucket, entries)
    }
  }
}
