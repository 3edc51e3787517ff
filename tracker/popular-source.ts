// What clients ask for most, in numbers of the newest epoch: counted, and told to whoever asks for it
// in these numbers and has another list.

import type { Clock } from '../core/clock.ts'
import type { ContentNumber, Epoch } from '../core/ids.ts'
import { Popularity } from './logic/popularity.ts'
import type { AnnounceAnswer, AnnounceRequest } from './messages.ts'

export class PopularSource {
  readonly #popularity = new Popularity()
  readonly #clock: Clock
  readonly #boot: string
  #epoch: Epoch | 0 = 0

  /** `boot`: makes tags of this process differ from those of others. */
  constructor(clock: Clock, boot: string) {
    this.#clock = clock
    this.#boot = boot
  }

  /** Numbers of another epoch may name other contents. */
  setEpoch(epoch: Epoch): void {
    if (epoch !== this.#epoch) this.#popularity.clear()
    this.#epoch = epoch
  }

  /** A client asked for a content. */
  requested(content: ContentNumber): void {
    this.#popularity.requested(content, this.#clock.monotonicMs())
  }

  /** At most so many, most asked for first. */
  most(count: number): ContentNumber[] {
    const list = this.#popularity.list(this.#clock.monotonicMs())
    return (list?.contents ?? []).slice(0, count).map(([content]) => content)
  }

  /** For a volunteer whose numbers are those of the newest epoch. */
  answerTo({ popular }: AnnounceRequest): Pick<AnnounceAnswer, 'popular'> {
    if (popular === undefined) return {}
    const list = this.#popularity.list(this.#clock.monotonicMs())
    if (list === null) return {}
    const tag = `${this.#boot}.${list.tag}`
    return popular === tag
      ? {}
      : { popular: { tag, contents: list.contents.map(([content, count]) => [content, count]) } }
  }
}
