// Judges "?direct": whether a volunteer really sent this client back, and so may use the room kept
// for that; and passes on what the volunteer said about itself. It knows no sockets.

import type { Clock } from '../core/clock.ts'
import type { RepoPath, VolunteerName } from '../core/ids.ts'
import { bouncesEach, bounceUses } from '../core/limits.ts'
import { type BounceReason, parseBounce, verifyBounce } from '../delivery/bounces.ts'
import type { Content } from '../manifest/model.ts'
import type { Tracker } from '../tracker/tracker.ts'
import type { AnswerClass, Share } from './serving-gate.ts'

export interface BouncesParts {
  readonly tracker: Pick<Tracker, 'volunteer'>
  readonly clock: Pick<Clock, 'nowMs'>
  /** A volunteer sent a client back; `reason` is its own, signed word. */
  readonly onBounce: (name: VolunteerName, reason: BounceReason, content: Content) => void
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

  /** `text`: the value of "direct" in the query, '' for none. */
  judge(text: string, path: RepoPath, content: Content): Admission {
    const { tracker, clock, onBounce, onJudged } = this.#parts
    const claim = text === '' ? null : parseBounce(text)
    const record = claim === null ? null : tracker.volunteer(claim.volunteer)
    if (claim === null || record === null) {
      onJudged(text === '' ? 'plain' : 'invalid')
      return ordinary
    }
    const key = { volunteer: record.name, secret: Buffer.from(record.linkKey, 'base64') }
    const target = { path, sha256: content.sha256 }
    if (!verifyBounce(key, claim, target, Math.floor(clock.nowMs() / 1000))) {
      onJudged('invalid')
      return ordinary
    }
    onJudged(claim.reason)
    onBounce(record.name, claim.reason, content)
    return {
      admission: 'bounce',
      shares: [
        { key: record.name, most: bouncesEach },
        { key: claim.signature, most: bounceUses },
      ],
    }
  }
}
