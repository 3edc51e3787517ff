// One look at one file of a mirror without our daemon: fetches the parts that were chosen, as a polite
// client, and compares them with what they should be. It remembers nothing.

import type { RepoPath } from '../../core/ids.ts'
import { sha256Hex } from '../../core/keys.ts'
import type { Sample, SampleRequest } from '../../core/sample-download.ts'
import type { Content } from '../../manifest/model.ts'
import { judgeHead } from '../logic/mirror-answer.ts'
import type { Part } from '../logic/mirror-sampling.ts'

export interface LookParts {
  /** SHA-256 of a part of a content; null: nothing here can tell. */
  readonly expected: (content: Content, part: Part) => Promise<string | null>
  readonly sample: (request: SampleRequest) => Promise<Sample>
  readonly userAgent: string
}

/**
 * right: all parts are the content's · absent: the file is not there, or another one is · untold: the
 * origin cannot compare now · busy, failed: the mirror does not answer the question.
 */
export type LookResult = { readonly readBytes: number } & (
  | { readonly kind: 'right'; readonly validator: string }
  | { readonly kind: 'absent' | 'untold'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'busy'; readonly reason: string; readonly retryAfter: string }
)

/** Why the bytes of an answer that looked right are not all there; null: they are. */
const missing = ({ end, body, error }: Sample, length: number): string | null => {
  if (body.length === length) return null
  return error === '' ? `only ${body.length} of ${length} bytes came (${end})` : error
}

const lookAtPart = async (
  { expected, sample, userAgent }: LookParts,
  url: string,
  content: Content,
  part: Part,
): Promise<LookResult> => {
  const sha256 = await expected(content, part)
  if (sha256 === null) {
    return { kind: 'untold', reason: 'the origin has other bytes now', readBytes: 0 }
  }
  const last = part.offset + part.length - 1
  const got = await sample({
    url,
    method: 'GET',
    headers: [
      ['User-Agent', userAgent],
      ['Accept', '*/*'],
      ['Accept-Encoding', 'identity'],
      ['Range', `bytes=${part.offset}-${last}`],
    ],
    takeBytes: part.length,
  })
  const readBytes = got.body.length
  if (got.status === 0) return { kind: 'failed', reason: got.error || got.end, readBytes }
  const contentLength = got.contentLength === null ? '' : String(got.contentLength)
  const head = judgeHead({ ...got, contentLength }, part, content.sizeBytes)
  if (head.kind === 'busy') return { ...head, retryAfter: got.retryAfter, readBytes }
  if (head.kind === 'absent' || head.kind === 'failed') return { ...head, readBytes }
  if (head.kind === 'whole' && part.offset > 0) {
    return { kind: 'absent', reason: 'it does not send parts of files', readBytes }
  }
  const why = missing(got, part.length)
  if (why !== null) {
    // A file that ends too early is another file; one that stalls may come another time.
    const isShort = got.end === 'complete' || got.end === 'cut'
    return { kind: isShort ? 'absent' : 'failed', reason: why, readBytes }
  }
  if (sha256Hex(got.body) === sha256) {
    return { kind: 'right', validator: head.validator, readBytes }
  }
  return { kind: 'absent', reason: 'its bytes are others', readBytes }
}

/** Look at `path` below `base`, a URL without a slash at the end. Throws when it is aborted. */
export const lookAt = async (
  parts: LookParts,
  base: string,
  path: RepoPath,
  content: Content,
  wanted: readonly Part[],
): Promise<LookResult> => {
  const url = `${base}/${path}`
  let readBytes = 0
  let validator: string | null = null
  // What an HTTP client would make another path of could lead out of the mirror's folder.
  if (URL.parse(url)?.href !== url) {
    return { kind: 'absent', reason: 'the path cannot be asked for', readBytes }
  }
  for (const part of wanted) {
    const result = await lookAtPart(parts, url, content, part)
    readBytes += result.readBytes
    if (result.kind !== 'right') return { ...result, readBytes }
    if (validator !== null && validator !== result.validator) {
      return { kind: 'absent', reason: 'it changed while it was looked at', readBytes }
    }
    validator = result.validator
  }
  return { kind: 'right', validator: validator ?? '', readBytes }
}
