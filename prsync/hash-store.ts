// The coarser chunk hashes of one content that were fetched already, so that a second search among
// other bases does not fetch them again. Fine ones are too many to keep.

import { chunkCount } from '../core/kernel/chunk-map.ts'
import { type ChunkAsk, chunkAskHashes } from './logic/ranges-wire.ts'
import { mergeRuns, type Run, subtractRuns } from './logic/runs.ts'

/** From this chunk size on hashes are kept: at most a thousandth of the content's size. */
const keptChunkBytes = 8192

interface Level {
  known: readonly Run[]
  readonly hashes: Uint8Array
}

export class HashStore {
  readonly #sizeBytes: number
  readonly #levels = new Map<number, Level>()

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes
  }

  /** All hashes that are asked for, those that are not known by `fetch`. */
  async get(ask: ChunkAsk, fetch: (ask: ChunkAsk) => Promise<Uint8Array>): Promise<Uint8Array> {
    const { chunkBytes, hashBytes, runs } = ask
    if (chunkBytes < keptChunkBytes) return await fetch(ask)
    const level = this.#level(chunkBytes, hashBytes)
    const lacking = subtractRuns(runs, level.known)
    if (lacking.length > 0) {
      const fetched = await fetch({ ...ask, runs: lacking })
      let at = 0
      for (const { offset, length } of lacking) {
        level.hashes.set(fetched.subarray(at, at + length * hashBytes), offset * hashBytes)
        at += length * hashBytes
      }
      level.known = mergeRuns([...level.known, ...lacking])
    }
    const hashes = new Uint8Array(chunkAskHashes(ask) * hashBytes)
    let at = 0
    for (const { offset, length } of runs) {
      hashes.set(level.hashes.subarray(offset * hashBytes, (offset + length) * hashBytes), at)
      at += length * hashBytes
    }
    return hashes
  }

  #level(chunkBytes: number, hashBytes: number): Level {
    const key = chunkBytes * 16 + hashBytes
    const found = this.#levels.get(key)
    if (found !== undefined) return found
    const count = chunkCount(this.#sizeBytes, chunkBytes)
    const level: Level = { known: [], hashes: new Uint8Array(count * hashBytes) }
    this.#levels.set(key, level)
    return level
  }
}
