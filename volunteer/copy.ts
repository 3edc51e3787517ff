// Copies a file and makes sure that the copy is the content it should be: the source may be written
// to meanwhile.

import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { MirrorswarmError } from '../core/errors.ts'
import type { Sha256 } from '../core/ids.ts'
import { readBufferBytes } from '../core/limits.ts'

const writeAll = async (handle: FileHandle, bytes: Buffer): Promise<void> => {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done)).bytesWritten
  }
}

/** Throws MS_CONTENT_MISMATCH when the bytes copied are not `sha256`; the caller removes `target`. */
export const copyVerified = async (
  source: Buffer,
  target: Buffer,
  sha256: Sha256,
): Promise<void> => {
  const from = await open(source, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const to = await open(target, 'wx', 0o644)
    try {
      const hash = createHash('sha256')
      const buffer = Buffer.allocUnsafe(readBufferBytes)
      for (;;) {
        const { bytesRead } = await from.read(buffer, 0, buffer.length, null)
        if (bytesRead === 0) break
        hash.update(buffer.subarray(0, bytesRead))
        await writeAll(to, buffer.subarray(0, bytesRead))
      }
      if (hash.digest('hex') !== sha256) {
        throw new MirrorswarmError('MS_CONTENT_MISMATCH', 'a file changed while it was copied')
      }
    } finally {
      await to.close()
    }
  } finally {
    await from.close()
  }
}
