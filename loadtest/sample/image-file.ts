// A file as installation images are: the packages themselves with other bytes between them.

import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { readBufferBytes } from '../../core/limits.ts'
import { Noise } from './noise.ts'

export interface ImageOptions {
  /** Files that the image contains, each whole and in one piece. */
  readonly members: readonly string[]
  readonly sizeBytes: number
  readonly seed: string
}

/** Write an image of exactly `sizeBytes` (more only if the members alone are larger). */
export const imageFile = async (file: string, options: ImageOptions): Promise<void> => {
  const { members, sizeBytes, seed } = options
  let memberBytes = 0
  for (const member of members) memberBytes += (await stat(member)).size
  const gapBytes = Math.floor(Math.max(0, sizeBytes - memberBytes) / (members.length + 1))
  const source = new Noise(seed)
  const parts = async function* (): AsyncGenerator<Buffer> {
    let written = 0
    const filler = function* (length: number): Generator<Buffer> {
      for (let left = length; left > 0; left -= readBufferBytes) {
        yield source.take(Math.min(left, readBufferBytes))
      }
    }
    for (const member of members) {
      yield* filler(gapBytes)
      written += gapBytes
      for await (const part of createReadStream(member, { highWaterMark: readBufferBytes })) {
        yield part
        written += part.length
      }
    }
    yield* filler(sizeBytes - written)
  }
  await pipeline(Readable.from(parts(), { objectMode: true }), createWriteStream(file))
}
