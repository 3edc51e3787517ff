// What clients were sent to each volunteer for, lately: from this audits are drawn, in proportion.
// Bounded memory, constant time at each redirect.

import { LRUCache } from 'lru-cache'
import { remembersSent } from '../../core/healing-limits.ts'
import type { RepoPath, VolunteerName } from '../../core/ids.ts'
import { volunteers } from '../../core/limits.ts'
import type { FileContent } from '../../manifest/model.ts'

/** A file as a client asked for it. */
export interface SentFile {
  readonly path: RepoPath
  readonly content: FileContent
}

interface Sent {
  readonly files: SentFile[]
  next: number
  /** Since the last audit. */
  bytes: number
}

export class RecentSent {
  readonly #sent = new LRUCache<VolunteerName, Sent>({ max: volunteers })

  note(name: VolunteerName, file: SentFile): void {
    let sent = this.#sent.get(name)
    if (sent === undefined) {
      sent = { files: [], next: 0, bytes: 0 }
      this.#sent.set(name, sent)
    }
    sent.files[sent.next] = { path: file.path, content: file.content }
    sent.next = (sent.next + 1) % remembersSent
    sent.bytes += file.content.sizeBytes
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
