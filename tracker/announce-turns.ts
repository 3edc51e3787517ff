// One announce of a volunteer after the other: each step needs the state that the last one left. It
// knows nothing of what is done in a turn.

import { MirrorswarmError } from '../core/errors.ts'
import type { VolunteerName } from '../core/ids.ts'
import { pendingAnnounces } from '../core/limits.ts'

export class AnnounceTurns {
  readonly #turns = new Map<VolunteerName, { waiting: number; tail: Promise<unknown> }>()

  /** Do `work` when all before it are done. Throws MS_ORIGIN_BUSY when too many wait. */
  async inTurn<T>(name: VolunteerName, work: () => Promise<T>): Promise<T> {
    const turn = this.#turns.get(name) ?? { waiting: 0, tail: Promise.resolve() }
    if (turn.waiting >= pendingAnnounces) {
      throw new MirrorswarmError('MS_ORIGIN_BUSY', `${name} announces faster than it is answered`)
    }
    this.#turns.set(name, turn)
    turn.waiting++
    const result = turn.tail.then(work)
    const settled = result.then(
      () => undefined,
      () => undefined,
    )
    turn.tail = settled
    try {
      return await result
    } finally {
      turn.waiting--
      if (turn.waiting === 0) this.#turns.delete(name)
    }
  }

  /** Resolves when all that is under way is done. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#turns.values()].map(turn => turn.tail))
  }
}
