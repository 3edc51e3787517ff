// Chunk hashes and anchors that were computed for an answer and may be asked for again at once, as all
// volunteers want the same new content. Bounded in bytes; knows nothing of where contents lie.

import { LRUCache } from 'lru-cache'
import type { Sha256 } from '../core/ids.ts'

/** What an entry takes beside its bytes: its key, and its place in the list. */
const entryOverheadBytes = 300

export class ChunkCache {
  readonly #entries: LRUCache<string, Uint8Array>

  constructor(mostBytes: number) {
    this.#entries = new LRUCache({
      maxSize: mostBytes,
      maxEntrySize: Math.ceil(mostBytes / 4),
      sizeCalculation: bytes => bytes.length + entryOverheadBytes,
    })
  }

  /** What was computed of a content, by a name that says which part of it. */
  get(sha256: Sha256, part: string): Uint8Array | undefined {
    return this.#entries.get(`${sha256} ${part}`)
  }

  /** Keep it, if it is not too large. The bytes must not change afterwards. */
  set(sha256: Sha256, part: string, bytes: Uint8Array): void {
    this.#entries.set(`${sha256} ${part}`, bytes)
  }

  get sizeBytes(): number {
    return this.#entries.calculatedSize
  }
}
