// Opens contents for answers that take pieces of many of them: kept copies and files of the tree,
// read at any offset, as long as they still are what was hashed.

import { MirrorswarmError } from '../core/errors.ts'
import type { Sha256 } from '../core/ids.ts'
import { readExactly } from '../delivery/guarded-file.ts'
import type { Body } from '../delivery/slice-reader.ts'
import type { ContentSource, OpenContent } from '../prsync/ranges-answer.ts'
import { type BodySource, openBody } from './bodies.ts'

const changed = (sha256: Sha256): MirrorswarmError =>
  new MirrorswarmError('MS_FILE_CHANGED', `the file of ${sha256} is being changed`)

const readBody = async (
  body: Body,
  sha256: Sha256,
  offset: number,
  length: number,
): Promise<Buffer> => {
  if ('bytes' in body) return Buffer.from(body.bytes.subarray(offset, offset + length))
  const bytes = await readExactly(body.handle, body.guard, offset, length)
  if (bytes === null) throw changed(sha256)
  return bytes
}

/** Contents that the origin has in the newest snapshot, or keeps a copy of. */
export const originContents = (bodies: BodySource): ContentSource => ({
  open: async (sha256): Promise<OpenContent | null> => {
    const { reader } = bodies
    const content = reader.contentByHash(sha256)
    const latest = reader.latest()
    if (content === null || latest === null) return null
    const found = await openBody(bodies, content, null, latest.number)
    if (found === null) return null
    const { body } = found
    return {
      sizeBytes: content.sizeBytes,
      coarse: reader.coarseChunkHashes(content.number),
      read: (offset, length) => readBody(body, sha256, offset, length),
      close: async () => {
        if ('handle' in body) await body.handle.close()
      },
    }
  },
})
