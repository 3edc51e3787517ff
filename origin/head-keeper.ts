// Keeps the signed head of the newest snapshot: made when there is a new one, signed again before
// it expires, handed out as text.

import type { Clock } from '../core/clock.ts'
import { MirrorswarmError } from '../core/errors.ts'
import type { SnapshotNumber } from '../core/ids.ts'
import type { KeyPair } from '../core/keys.ts'
import { certificateLifetimeMs } from '../core/limits.ts'
import { certifyOnlineKey, headNeedsRenewal, makeHead, signHead } from '../manifest/head.ts'
import type { DifferencePart, Head, ManifestPart, RepositoryIdentity } from '../manifest/model.ts'
import type { ManifestReader } from '../manifest/store/reader.ts'

export interface HeadKeeperParts {
  readonly reader: ManifestReader
  readonly rootKeys: KeyPair
  readonly onlineKeys: KeyPair
  readonly clock: Clock
}

/** Parts of the manifest in the order in which they are applied. */
export interface PartsBetween extends RepositoryIdentity {
  readonly from: SnapshotNumber
  readonly to: SnapshotNumber
  readonly parts: readonly (
    | (ManifestPart & { readonly kind: 'segment' })
    | (DifferencePart & { readonly kind: 'difference' })
  )[]
}

export class HeadKeeper {
  readonly #parts: HeadKeeperParts
  #head: Head | null = null
  #text: string | null = null

  constructor(parts: HeadKeeperParts) {
    this.#parts = parts
  }

  /** The signed head as text; null before the first snapshot. */
  current(): string | null {
    if (this.#head === null || headNeedsRenewal(this.#head, this.#parts.clock.nowMs())) {
      this.refresh()
    }
    return this.#text
  }

  /** To be called when a snapshot was published. */
  refresh(): Head | null {
    const { reader, rootKeys, onlineKeys, clock } = this.#parts
    const nowMs = clock.nowMs()
    this.#head = makeHead(reader, nowMs)
    if (this.#head === null) return null
    const expiresMs = nowMs + certificateLifetimeMs
    const certificate = certifyOnlineKey(rootKeys, onlineKeys.publicKey, expiresMs)
    this.#text = signHead(this.#head, onlineKeys, certificate)
    return this.#head
  }

  /** What lets others check the online key: the root key and its word for that. */
  vouch(): { readonly rootKey: string; readonly certificate: string } {
    const { rootKeys, onlineKeys, clock } = this.#parts
    const expiresMs = clock.nowMs() + certificateLifetimeMs
    return {
      rootKey: rootKeys.publicKey,
      certificate: certifyOnlineKey(rootKeys, onlineKeys.publicKey, expiresMs),
    }
  }

  /**
   * What brings a manifest from one snapshot to another: differences if they reach back that far,
   * else the checkpoint and what follows it. Throws MS_REQUEST_INVALID for snapshots that the head
   * does not lead to.
   */
  partsBetween(from: SnapshotNumber, to: SnapshotNumber): PartsBetween {
    this.current()
    const head = this.#head
    if (head === null || to > head.snapshot || from > to) {
      throw new MirrorswarmError('MS_REQUEST_INVALID', `there is no way from ${from} to ${to}`)
    }
    const { repositoryId, epoch, checkpoint, differences } = head
    const steps = (start: SnapshotNumber) =>
      differences
        .filter(part => part.from >= start && part.to <= to)
        .map(part => ({ ...part, kind: 'difference' as const }))
    const chain = steps(from)
    if (from === to || (chain[0]?.from === from && chain.at(-1)?.to === to)) {
      return { repositoryId, epoch, from, to, parts: chain }
    }
    const rest = steps(checkpoint.snapshot)
    if ((rest.at(-1)?.to ?? checkpoint.snapshot) !== to) {
      throw new MirrorswarmError('MS_REQUEST_INVALID', `there is no way from ${from} to ${to}`)
    }
    const segments = checkpoint.segments.map(part => ({ ...part, kind: 'segment' as const }))
    return { repositoryId, epoch, from: 0, to, parts: [...segments, ...rest] }
  }
}
