// What clients were sent to each volunteer for, lately: from this audits are drawn, in proportion.
// Bounded memory, constant time at each redirect.

import { LRUCache } from 'lru-cache'
import { remembersSent, sentNotedEveryMs } from '../../core/healing-limits.ts'
import type { RepoPath, VolunteerName } from '../../core/ids.ts'
import { volunteers } from '../../core/limits.ts'
import { ownText } from '../../core/own-text.ts'
import type { FileContent } from '../../manifest/model.ts'

/** A file as a client asked for it. */
export interface SentFile {
  readonly path: RepoPath
  readonly content: FileContent
}

interface Sent {
  readonly files: SentFile[]
  next: number
  notedMs: number
  /** Since the last audit. */
  bytes: number
}

export class RecentSent {
  readonly #sent = new LRUCache<VolunteerName, Sent>({ max: volunteers })

  /** `nowMs`: monotonic. */
  note(name: VolunteerName, file: SentFile, nowMs: number): void {
    let sent = this.#sent.get(name)
    if (sent === undefined) {
      sent = { files: [], next: 0, notedMs: 0, bytes: 0 }
      this.#sent.set(name, sent)
    }
    sent.bytes += file.content.sizeBytes
    // Of many a second some are as good a sample, and fewer objects grow old.
    if (sent.files.length === remembersSent && nowMs - sent.notedMs < sentNotedEveryMs) return
    sent.notedMs = nowMs
    sent.files[sent.next] = { path: ownText(file.path) as RepoPath, content: file.content }
    sent.next = (sent.next + 1) % remembersSent
  }

  bytesOf(name: VolunteerName): number {
    return this.#sent.peek(name)?.bytes ?? 0
  }

  /** It is being audited: counting begins anew. */
  audited(name: VolunteerName): void {
    const sent = this.#sent.peek(name)
    if (sent !== undefined) sent.bytes = 0
  }

  filesOf(name: VolunteerName): readonly SentFile[] {
    return this.#sent.peek(name)?.files ?? []
  }
}
