// One request of a fetch: asks one source for a run of pieces, and hands over each piece as soon as it
// is whole.

import { MirrorswarmError } from '../../core/errors.ts'
import { discard, type HttpAnswer } from '../../core/http-client.ts'
import type { Described, SourceUrl } from './describe.ts'
import type { Job } from './logic/board.ts'
import { statusError, type Web } from './web.ts'

const odd = (source: SourceUrl, what: string): MirrorswarmError =>
  new MirrorswarmError('MS_ANSWER_INVALID', `${source.name} ${what}`)

/** Throws unless these are the headers of the wanted bytes. */
const check = (
  answer: HttpAnswer,
  source: SourceUrl,
  { claim }: Described,
  start: number,
  end: number,
): void => {
  const { status, headers } = answer
  const whole = status === 200 && start === 0 && end === claim.sizeBytes
  if (status !== 206 && !whole) throw statusError(status, source.url)
  const range = String(headers['content-range'] ?? '')
  if (!whole && range !== `bytes ${start}-${end - 1}/${claim.sizeBytes}`) {
    throw odd(source, `sends other bytes than asked for (${range.slice(0, 100)})`)
  }
  const { etag } = headers
  if (typeof etag === 'string' && /^"sha256-/.test(etag) && etag !== `"sha256-${claim.sha256}"`) {
    throw new MirrorswarmError('MS_FILE_CHANGED', `${source.name} has another version of the file`)
  }
}

export interface TransferParts {
  readonly web: Web
  readonly file: Described
}

/**
 * The pieces of a job from a source, in order. The buffer of a piece is the caller's. Throws when the
 * answer is refused, ends early or is not what was asked for.
 */
export async function* transfer(
  { web, file }: TransferParts,
  source: SourceUrl,
  job: Job,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): AsyncGenerator<{ readonly index: number; readonly bytes: Buffer }> {
  const { sizeBytes, sha256 } = file.claim
  const { pieceLengthBytes } = file.pieces
  const start = job.first * pieceLengthBytes
  const end = Math.min(sizeBytes, job.end * pieceLengthBytes)
  const headers = {
    range: `bytes=${start}-${end - 1}`,
    // Only the origin knows this file by this name in another version.
    ...(source.last ? { 'if-match': `"sha256-${sha256}"` } : {}),
  }
  const answer = await web.get(source.url, headers, signal)
  try {
    check(answer, source, file, start, end)
    let index = job.first
    let bytes = Buffer.allocUnsafe(Math.min(pieceLengthBytes, sizeBytes - start))
    let filled = 0
    for await (const part of answer.body as AsyncIterable<Buffer>) {
      onBytes(part.length)
      for (let taken = 0; taken < part.length; ) {
        if (index >= job.end) throw odd(source, 'sends more than it was asked for')
        const copied = part.copy(bytes, filled, taken, taken + bytes.length - filled)
        taken += copied
        filled += copied
        if (filled < bytes.length) continue
        yield { index, bytes }
        index += 1
        filled = 0
        if (index >= job.end) continue
        const next = index * pieceLengthBytes
        bytes = Buffer.allocUnsafe(Math.min(pieceLengthBytes, sizeBytes - next))
      }
    }
    if (index < job.end) throw odd(source, 'broke off')
  } finally {
    discard(answer)
  }
}
