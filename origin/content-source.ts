// Opens contents for answers that take pieces of many of them: kept copies and files of the tree,
// read at any offset, as long as they still are what was hashed.

import { statfs } from 'node:fs/promises'
import { originFormsBytes, originFreeBytes } from '../core/delta-limits.ts'
import { MirrorswarmError } from '../core/errors.ts'
import type { Sha256 } from '../core/ids.ts'
import type { Logger } from '../core/log.ts'
import { readExactly } from '../delivery/guarded-file.ts'
import type { Body } from '../delivery/slice-reader.ts'
import type { ContentSource, OpenContent } from '../prsync/ranges-answer.ts'
import { Forms } from '../prsync/unpacked/forms.ts'
import { type BodySource, openBody } from './bodies.ts'

const changed = (sha256: Sha256): MirrorswarmError =>
  new MirrorswarmError('MS_FILE_CHANGED', `the file of ${sha256} is being changed`)

/** The origin's unpacked forms of gzip files, in a folder of their own. */
export const originForms = (folder: string, logger: Logger): Forms =>
  new Forms({
    ...{ folder, mostBytes: originFormsBytes, logger },
    usableBytes: async () => {
      const { bavail, bsize } = await statfs(folder)
      return bavail * bsize - originFreeBytes
    },
  })

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
export const originContents = (
  bodies: BodySource,
  forms: Pick<Forms, 'open'> | null = null,
): ContentSource => ({
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
  openForm: async sha256 => {
    const { reader } = bodies
    const content = reader.contentByHash(sha256)
    const latest = reader.latest()
    if (forms === null || content === null || latest === null) return null
    return await forms.open(content, async () => {
      const body = (await openBody(bodies, content, null, latest.number))?.body ?? null
      if (body === null || 'bytes' in body) return body
      return { handle: body.handle, sizeBytes: content.sizeBytes }
    })
  },
})
