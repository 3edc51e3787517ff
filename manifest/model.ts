// The words that every part speaks: contents, entries, snapshots, bundles. Plain data, no behaviour.

import type {
  ContentNumber,
  Epoch,
  InfoHash,
  RepoPath,
  RepositoryId,
  Sha256,
  SnapshotNumber,
} from '../core/ids.ts'

/** Bytes named by their SHA-256; however many paths have them, they are one content. */
export interface Content {
  readonly number: ContentNumber
  readonly sha256: Sha256
  readonly sizeBytes: number
  /** Hexadecimal; for clients that ask, trusted for nothing. */
  readonly sha1: string
  readonly md5: string
  readonly md4: string
  /** Last-Modified, seconds since 1970: that of the content's first appearance, for ever. */
  readonly modifiedSeconds: number
  /** The snapshot in which it first appeared. */
  readonly firstSnapshot: SnapshotNumber
}

/** As much of a content as sending clients to it takes. */
export type FileContent = Pick<Content, 'number' | 'sha256' | 'sizeBytes' | 'modifiedSeconds'>

/** A path bound to a content, or a symlink (target: percent-encoded, relative, inside the tree). */
export type Entry =
  | { readonly kind: 'file'; readonly path: RepoPath; readonly content: ContentNumber }
  | { readonly kind: 'link'; readonly path: RepoPath; readonly target: string }

/** Contents sent as one torrent. Immutable; each member starts at a piece boundary. */
export interface Bundle {
  readonly infoHash: InfoHash
  /** The .torrent file (bencoded) as an object of the data folder. */
  readonly metainfo: Sha256
  readonly pieceLengthBytes: number
  /** In the order of the torrent; member k starts at the piece after the last of member k-1. */
  readonly members: readonly ContentNumber[]
}

export interface Snapshot {
  readonly number: SnapshotNumber
  readonly createdMs: number
  readonly files: number
  readonly links: number
  /** Sum over files; a content counts once for each path. */
  readonly bytes: number
  /** Sum over distinct contents. */
  readonly uniqueBytes: number
  readonly added: number
  readonly changed: number
  readonly removed: number
}

/** Who numbers the snapshots; in every table and message. */
export interface RepositoryIdentity {
  readonly repositoryId: RepositoryId
  readonly epoch: Epoch
}

/** An immutable part of the manifest, fetched by its hash. */
export interface ManifestPart {
  readonly sha256: Sha256
  readonly sizeBytes: number
}

export interface DifferencePart extends ManifestPart {
  readonly from: SnapshotNumber
  readonly to: SnapshotNumber
}

/**
 * What the origin signs: snapshot N is the checkpoint's segments followed by the differences from
 * the checkpoint up to N. Small, expiring; everything it names may come from anyone.
 */
export interface Head extends RepositoryIdentity {
  readonly snapshot: SnapshotNumber
  readonly createdMs: number
  readonly expiresMs: number
  readonly checkpoint: {
    readonly snapshot: SnapshotNumber
    readonly segments: readonly ManifestPart[]
  }
  readonly differences: readonly DifferencePart[]
}
