// How much may still be written before the owner's --min-free is touched, on the file systems of the
// mirror and of the data folder.

import { statfs } from 'node:fs/promises'

export type FreeBytes = (folder: string) => Promise<number>

/** What unprivileged processes may still use. */
export const systemFreeBytes: FreeBytes = async folder => {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

export class Space {
  readonly #folders: readonly string[]
  #minFreeBytes: number
  readonly #freeBytes: FreeBytes

  constructor(options: {
    readonly folders: readonly string[]
    readonly minFreeBytes: number
    readonly freeBytes?: FreeBytes
  }) {
    this.#folders = options.folders
    this.#minFreeBytes = options.minFreeBytes
    this.#freeBytes = options.freeBytes ?? systemFreeBytes
  }

  /** The next look goes by it. */
  change(minFreeBytes: number): void {
    this.#minFreeBytes = minFreeBytes
  }

  /** Bytes that may be written; negative when too little is free already. */
  async usableBytes(): Promise<number> {
    const free = await Promise.all(this.#folders.map(folder => this.#freeBytes(folder)))
    return Math.min(...free) - this.#minFreeBytes
  }
}
