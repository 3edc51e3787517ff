// How bytes of forms travel: compressed in parts, since what was compressed in the file would
// otherwise cost several times as much. Knows no request.

import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import { formPartBytes, formZstdLevel } from '../../core/delta-limits.ts'
import { MirrorswarmError } from '../../core/errors.ts'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/** A compressed part is at most so long: zstd adds a little to what it cannot compress. */
export const mostFormPartBytes = formPartBytes + formPartBytes / 64

const params = { [constants.ZSTD_c_compressionLevel]: formZstdLevel }

/** The same bytes, compressed: all parts but the last one are of formPartBytes when inflated. */
export async function* compressedParts(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const room = Buffer.allocUnsafe(formPartBytes)
  let filled = 0
  for await (const part of bytes) {
    for (let at = 0; at < part.length; ) {
      const length = Math.min(part.length - at, room.length - filled)
      room.set(part.subarray(at, at + length), filled)
      at += length
      filled += length
      if (filled < room.length) continue
      yield await compress(room, { params })
      filled = 0
    }
  }
  if (filled > 0) yield await compress(room.subarray(0, filled), { params })
}

/** Exactly `length` bytes. Throws MS_ANSWER_INVALID. */
export const inflatePart = async (part: Uint8Array, length: number): Promise<Buffer> => {
  const odd = (cause?: unknown): MirrorswarmError =>
    new MirrorswarmError('MS_ANSWER_INVALID', 'a part of a form is not what was asked for', {
      cause,
    })
  let bytes: Buffer
  try {
    bytes = await decompress(part, { maxOutputLength: length + 1 })
  } catch (error) {
    throw odd(error)
  }
  if (bytes.length !== length) throw odd()
  return bytes
}
