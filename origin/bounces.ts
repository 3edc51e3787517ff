// Judges "?direct": whether a volunteer really sent this client back, and so may use the room kept
// for that; and passes on what the volunteer said about itself. It knows no sockets.

import type { Clock } from '../core/clock.ts'
import { bouncesEach, bounceUses } from '../core/healing-limits.ts'
import type { RepoPath, VolunteerName } from '../core/ids.ts'
import {
  type BounceClaim,
  type BounceReason,
  parseBounce,
  verifyBounce,
} from '../delivery/bounces.ts'
import type { FileContent } from '../manifest/model.ts'
import type { Tracker } from '../tracker/tracker.ts'
import type { AnswerClass, Share } from './serving-gate.ts'

export interface BouncesParts {
  readonly tracker: Pick<Tracker, 'volunteer'>
  readonly clock: Pick<Clock, 'nowMs'>
  /** Null: volunteers may know this origin by any URL. */
  readonly publicUrl: string | null
  /** A volunteer sent a client back; `reason` is its own, signed word. */
  readonly onBounce: (name: VolunteerName, reason: BounceReason, content: FileContent) => void
  /** For metrics: also what is none. */
  readonly onJudged: (reason: BounceReason | 'plain' | 'invalid') => void
}

/** How a "?direct" is admitted. */
export interface Admission {
  readonly admission: AnswerClass
  readonly shares: readonly Share[]
}

const ordinary: Admission = { admission: 'ordinary', shares: [] }

export class Bounces {
  readonly #parts: BouncesParts

  constructor(parts: BouncesParts) {
    this.#parts = parts
  }

  /** The claim in the value of "direct" if its volunteer made it for this file; else null. */
  genuine(text: string, path: RepoPath, content: FileContent): BounceClaim | null {
    const { tracker, clock } = this.#parts
    const claim = text === '' ? null : parseBounce(text)
    const record = claim === null ? null : tracker.volunteer(claim.volunteer)
    if (claim === null || record === null) return null
    const key = { volunteer: record.name, secret: Buffer.from(record.linkKey, 'base64') }
    const target = { path, sha256: content.sha256 }
    return verifyBounce(key, claim, target, Math.floor(clock.nowMs() / 1000)) ? claim : null
  }

  /**
   * Why a volunteer sends clients to this address; null: that is none of its bounces. An older one
   * gives no reason, and counts as full.
   */
  reasonIn(
    name: VolunteerName,
    location: string,
    file: { readonly path: RepoPath; readonly content: FileContent },
  ): BounceReason | null {
    const { publicUrl } = this.#parts
    const mark = location.indexOf('?')
    const base =
      publicUrl === null ? `/${file.path}` : `${publicUrl.replace(/\/+$/, '')}/${file.path}`
    const place = location.slice(0, Math.max(0, mark))
    if (publicUrl === null ? !place.endsWith(base) : place !== base) return null
    const text = new URLSearchParams(location.slice(mark + 1)).get('direct')
    if (text === null || text === '') return text === '' ? 'full' : null
    const claim = this.genuine(text, file.path, file.content)
    return claim?.volunteer === name ? claim.reason : null
  }

  /** `text`: the value of "direct" in the query, '' for none. */
  judge(text: string, path: RepoPath, content: FileContent): Admission {
    const { onBounce, onJudged } = this.#parts
    const claim = this.genuine(text, path, content)
    if (claim === null) {
      onJudged(text === '' ? 'plain' : 'invalid')
      return ordinary
    }
    onJudged(claim.reason)
    onBounce(claim.volunteer, claim.reason, content)
    return {
      admission: 'bounce',
      shares: [
        { key: claim.volunteer, most: bouncesEach },
        { key: claim.signature, most: bounceUses },
      ],
    }
  }
}
