// Contents that are in no bundle come straight from the origin, into a file that is continued after
// an interruption. Whoever puts it in place verifies it.

import { createWriteStream } from 'node:fs'
import { open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { isMirrorswarmError, MirrorswarmError, systemCode } from '../core/errors.ts'
import { isSha256, type Sha256 } from '../core/ids.ts'
import type { RateLimiter } from '../core/rate-limiter.ts'
import type { Content } from '../manifest/model.ts'
import type { OriginClient } from './origin-client.ts'

export interface FetchAloneParts {
  readonly folder: string
  readonly origin: Pick<OriginClient, 'content'>
  readonly downloadLimiter: RateLimiter
  readonly onBytes: (bytes: number) => void
}

const sizeOf = async (file: string): Promise<number> => {
  try {
    return (await stat(file)).size
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 0
    throw error
  }
}

export class FetchAlone {
  readonly #parts: FetchAloneParts

  constructor(parts: FetchAloneParts) {
    this.#parts = parts
  }

  file(content: Content): string {
    return join(this.#parts.folder, content.sha256)
  }

  /** Resolves with the complete file. Throws MS_REMOTE_UNREACHABLE, MS_DISK_FULL, …. */
  async fetch(content: Content, signal: AbortSignal): Promise<string> {
    const file = this.file(content)
    let have = await sizeOf(file)
    if (have > content.sizeBytes) {
      await rm(file, { force: true })
      have = 0
    }
    if (content.sizeBytes === 0) await (await open(file, 'w')).close()
    else if (have < content.sizeBytes) await this.#append(content, file, have, signal)
    return file
  }

  /** Remove unfinished transfers of contents that are not missing (any more). */
  async tidy(isMissing: (sha256: Sha256) => boolean): Promise<void> {
    for (const name of await readdir(this.#parts.folder)) {
      if (!isSha256(name) || isMissing(name)) continue
      await rm(join(this.#parts.folder, name), { force: true })
    }
  }

  async #append(
    content: Content,
    file: string,
    offset: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { origin, downloadLimiter, onBytes } = this.#parts
    const length = content.sizeBytes - offset
    let received = 0
    const body = await origin.content(content.sha256, offset, length, signal)
    const gauge = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        received += chunk.length
        if (received > length) {
          done(
            new MirrorswarmError('MS_ANSWER_INVALID', 'the origin sends more than was asked for'),
          )
          return
        }
        onBytes(chunk.length)
        downloadLimiter.take(chunk.length, 'swarm', signal).then(() => done(null, chunk), done)
      },
    })
    try {
      await pipeline(body, gauge, createWriteStream(file, { flags: 'a' }), { signal })
    } catch (error) {
      if (signal.aborted || isMirrorswarmError(error)) throw error
      const code = systemCode(error)
      if (code === 'ENOSPC' || code === 'EDQUOT') {
        throw new MirrorswarmError('MS_DISK_FULL', `no space left for ${file}`, { cause: error })
      }
      throw new MirrorswarmError('MS_REMOTE_UNREACHABLE', 'the transfer broke off', {
        cause: error,
      })
    }
    if (received < length) {
      throw new MirrorswarmError('MS_REMOTE_UNREACHABLE', 'the origin sent less than promised')
    }
  }
}
