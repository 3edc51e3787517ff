// What the head of a mirror's answer to a request for a part of a file says, before any byte of it is
// read: whether this may be the file at all. Pure: the shell sent the request.

import type { Part } from './mirror-sampling.ts'

/** What came, as text of the head; a header that is missing is ''. */
export interface MirrorHead {
  readonly status: number
  readonly contentLength: string
  readonly contentRange: string
  readonly etag: string
  readonly lastModified: string
}

/**
 * part: its body is the part · whole: its body is the whole file, of which the part is to be taken ·
 * absent: the file is not there, or another one is · busy: the mirror wants to be left alone ·
 * failed: it cannot answer now.
 */
export type MirrorAnswer =
  | { readonly kind: 'part' | 'whole'; readonly validator: string }
  | { readonly kind: 'absent'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'busy'; readonly reason: string }

const validatorCharacters = 256

/**
 * What the mirror calls the file: a strong ETag, else Last-Modified, else ''. A weak ETag may stay the
 * same when bytes change (RFC 9110, 8.8.1).
 */
export const validatorOf = ({ etag, lastModified }: MirrorHead): string => {
  const name = etag.startsWith('"') ? etag : lastModified
  return name.length <= validatorCharacters ? name : ''
}

const absent = (reason: string): MirrorAnswer => ({ kind: 'absent', reason })

const judgeRange = (head: MirrorHead, part: Part, sizeBytes: number): MirrorAnswer => {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(head.contentRange)
  if (match === null) return absent('it answers a range with one that cannot be read')
  const [first, last, total] = match.slice(1).map(Number)
  if (total !== sizeBytes) return absent(`its file has ${total} bytes instead of ${sizeBytes}`)
  return first === part.offset && last === part.offset + part.length - 1
    ? { kind: 'part', validator: validatorOf(head) }
    : absent('it answers with another range than was asked for')
}

/** Judge the answer to a request for `part` of a file of `sizeBytes`. Redirects are not followed. */
export const judgeHead = (head: MirrorHead, part: Part, sizeBytes: number): MirrorAnswer => {
  const { status, contentLength } = head
  if (status === 206) return judgeRange(head, part, sizeBytes)
  if (status === 200) {
    const length = /^\d{1,15}$/.test(contentLength) ? Number(contentLength) : null
    // Without a length the bytes decide: as many are read as the file has.
    return length === null || length === sizeBytes
      ? { kind: 'whole', validator: validatorOf(head) }
      : absent(`its file has ${length} bytes instead of ${sizeBytes}`)
  }
  if (status >= 300 && status < 400) {
    return absent('it redirects elsewhere, which would prove nothing about the mirror itself')
  }
  const reason = `it answers with status ${status}`
  if (status === 429 || status === 503) return { kind: 'busy', reason }
  return status >= 400 && status < 500 ? absent(reason) : { kind: 'failed', reason }
}
