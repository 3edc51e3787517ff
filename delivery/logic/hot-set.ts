// Which contents are worth memory: the least recently used goes first, but only for one that is asked
// for more often, so that one pass over everything drives nothing out. Knows sizes, not bytes.

export interface HotSetLimits {
  /** All members together, in bytes. */
  readonly bytes: number
  /** The largest member, in bytes. */
  readonly eachBytes: number
  /** Keys whose requests are counted. */
  readonly counted: number
  /** Requests after which all counts are halved. */
  readonly aging: number
}

interface Member {
  readonly bytes: number
  /** Answers that are being sent from it: it stays as long, so that the bound holds. */
  users: number
}

export class HotSet {
  readonly #limits: HotSetLimits
  /** In the order of their last use. */
  readonly #members = new Map<string, Member>()
  /** In the order of their last request; the first is forgotten first. */
  readonly #counts = new Map<string, number>()
  #bytes = 0
  #requests = 0

  constructor(limits: HotSetLimits) {
    this.#limits = limits
  }

  get bytes(): number {
    return this.#bytes
  }

  has(key: string): boolean {
    return this.#members.has(key)
  }

  /** Count a request; of a member it is the newest use. */
  ask(key: string): void {
    this.#count(key)
    if (++this.#requests >= this.#limits.aging) this.#age()
    const member = this.#members.get(key)
    if (member === undefined) return
    this.#members.delete(key)
    this.#members.set(key, member)
  }

  /** Whether it would be admitted, and who would go for it; null: not worth it (yet). */
  victimsFor(key: string, bytes: number): readonly string[] | null {
    const count = this.#countOf(key)
    if (count < 2 || bytes > this.#limits.eachBytes || this.#members.has(key)) return null
    let excess = this.#bytes + bytes - this.#limits.bytes
    let theirs = 0
    const victims: string[] = []
    for (const [other, member] of this.#members) {
      if (excess <= 0) break
      if (member.users > 0) continue
      theirs += this.#countOf(other)
      if (theirs >= count) return null
      victims.push(other)
      excess -= member.bytes
    }
    return excess <= 0 ? victims : null
  }

  /** Add what victimsFor admitted, in the same turn; the victims are members no more. */
  admit(key: string, bytes: number, victims: readonly string[]): void {
    for (const victim of victims) this.remove(victim)
    this.#members.set(key, { bytes, users: 0 })
    this.#bytes += bytes
  }

  /** Not while it is used. */
  remove(key: string): boolean {
    const member = this.#members.get(key)
    if (member === undefined || member.users > 0) return false
    this.#members.delete(key)
    this.#bytes -= member.bytes
    return true
  }

  use(key: string): void {
    const member = this.#members.get(key)
    if (member !== undefined) member.users++
  }

  leave(key: string): void {
    const member = this.#members.get(key)
    if (member !== undefined) member.users--
  }

  #countOf(key: string): number {
    return this.#counts.get(key) ?? 0
  }

  #count(key: string): void {
    const count = this.#countOf(key)
    this.#counts.delete(key)
    if (this.#counts.size >= this.#limits.counted) {
      const [oldest] = this.#counts.keys()
      if (oldest !== undefined) this.#counts.delete(oldest)
    }
    this.#counts.set(key, count + 1)
  }

  #age(): void {
    this.#requests = 0
    for (const [key, count] of this.#counts) {
      if (count > 1) this.#counts.set(key, count >> 1)
      else this.#counts.delete(key)
    }
  }
}
