// One volunteer as selection sees it: what it announced, what the operator settled, what was learnt
// of it and what was sent to it. One object for each volunteer, renewed in place, since selection
// reads thousands of them a second. It decides nothing.

import type { ContentNumber, VolunteerName } from '../core/ids.ts'
import { LinkSigner } from '../delivery/link-signer.ts'
import type { Suspicion } from '../tracker/events.ts'
import type { Candidate } from '../tracker/logic/views.ts'
import { type Account, emptyAccount, noteRedirect } from './logic/account.ts'
import {
  type CapacitySource,
  capacityOf,
  nothingObserved,
  type Observed,
  observe,
} from './logic/capacity.ts'
import type { Reach, VolunteerPlace } from './logic/closeness.ts'
import type { SelectionCandidate } from './logic/select.ts'

export class Standing implements SelectionCandidate {
  readonly name: VolunteerName
  url = ''
  https = false
  state: SelectionCandidate['state'] = 'offline'
  disabled = false
  trust: SelectionCandidate['trust'] = 'full'
  mirror: { readonly allowOpen: boolean } | null = null
  reach: Reach = 'any'
  clientBytesPerSecond = 0
  syncBytesPerSecond = 0
  uploadBytesPerSecond: number | null = null
  capacityBytesPerSecond = 0
  capacitySource: CapacitySource = 'assumed'
  weight = 1
  activeClients = 0
  maxClients: number | null = null
  account: Account = emptyAccount
  /** Since the origin started; for metrics. */
  redirects = 0
  redirectedBytes = 0
  #candidate: Candidate
  #observed: Observed = nothingObserved
  #announcedMs: number | null = null
  #signer: LinkSigner | null = null

  constructor(candidate: Candidate, nowMs: number) {
    this.name = candidate.name
    this.#candidate = candidate
    this.update(candidate, nowMs)
  }

  get candidate(): Candidate {
    return this.#candidate
  }

  get suspicion(): Suspicion | null {
    return this.#candidate.suspicion ?? null
  }

  has(content: ContentNumber): boolean {
    return this.#candidate.has(content)
  }

  /** Take up what is known of the volunteer now. `nowMs`: monotonic. */
  update(candidate: Candidate, nowMs: number): void {
    const { record, limits } = candidate
    if (record.linkKey !== this.#candidate.record.linkKey) this.#signer = null
    this.#candidate = candidate
    this.url = candidate.url
    this.https = candidate.url.startsWith('https:')
    this.state = candidate.state
    this.disabled = record.disabled
    this.trust = record.trust
    this.mirror = record.mirror ?? null
    this.clientBytesPerSecond = candidate.clientBytesPerSecond
    this.syncBytesPerSecond = candidate.syncBytesPerSecond
    this.uploadBytesPerSecond = limits.uploadBytesPerSecond
    this.weight = record.weight
    this.activeClients = candidate.activeClients
    this.maxClients = limits.maxClients
    if (candidate.lastAnnounceMs !== null && candidate.lastAnnounceMs !== this.#announcedMs) {
      this.#announcedMs = candidate.lastAnnounceMs
      const rate = candidate.clientBytesPerSecond + candidate.syncBytesPerSecond
      this.#observed = observe(this.#observed, rate, nowMs)
    }
    const capacity = capacityOf(limits.uploadBytesPerSecond, this.#observed, nowMs)
    this.capacityBytesPerSecond = capacity.bytesPerSecond
    this.capacitySource = capacity.source
  }

  /** Where the volunteer is, as far as the operator said; the rest is looked up. */
  place(found: Pick<VolunteerPlace, 'asn' | 'country' | 'reach'>): VolunteerPlace {
    return { ...found, name: this.name, site: this.#candidate.record.site ?? null }
  }

  /** What of the place the operator settles, to see when it changes. */
  get settledPlace(): string {
    const { url, site, networks } = this.#candidate.record
    return `${url} ${site ?? ''} ${networks?.join(',') ?? ''}`
  }

  note(bytes: number, nowMs: number): void {
    this.redirects++
    this.redirectedBytes += bytes
    this.account = noteRedirect(this.account, bytes, this.capacityBytesPerSecond, nowMs)
  }

  get signer(): LinkSigner {
    this.#signer ??= new LinkSigner({
      volunteer: this.name,
      secret: Buffer.from(this.#candidate.record.linkKey, 'base64'),
    })
    return this.#signer
  }
}
