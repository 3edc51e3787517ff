// A file that is put together from pieces and removed by whoever made it.

import { type FileHandle, open } from 'node:fs/promises'
import type { Run } from '../logic/runs.ts'

export class ScratchFile {
  readonly #handle: FileHandle

  private constructor(handle: FileHandle) {
    this.#handle = handle
  }

  static async make(file: string, sizeBytes: number): Promise<ScratchFile> {
    const handle = await open(file, 'wx', 0o600)
    await handle.truncate(sizeBytes)
    return new ScratchFile(handle)
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += (await this.#handle.write(bytes, done, bytes.length - done, offset + done))
        .bytesWritten
    }
  }

  /** Takes the bytes of these runs, one after the other in any portions. */
  filler(runs: readonly Run[]): (bytes: Uint8Array) => Promise<void> {
    let index = 0
    let filled = 0
    return async bytes => {
      for (let at = 0; at < bytes.length; ) {
        const run = runs[index]
        if (run === undefined) return
        const length = Math.min(bytes.length - at, run.length - filled)
        await this.write(run.offset + filled, bytes.subarray(at, at + length))
        at += length
        filled += length
        if (filled < run.length) continue
        index += 1
        filled = 0
      }
    }
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}
