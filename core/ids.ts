// The names of things. Branded strings keep a path from being passed where a hash belongs.

declare const brand: unique symbol
type Brand<T, B extends string> = T & { readonly [brand]: B }

/** SHA-256 of a content: 64 lower-case hexadecimal digits. The only hash that is trusted. */
export type Sha256 = Brand<string, 'Sha256'>
/** BitTorrent v1 info-hash: 40 lower-case hexadecimal digits. */
export type InfoHash = Brand<string, 'InfoHash'>
/** A path inside the repository in canonical percent-encoding (see repo-path.ts); '' is the root. */
export type RepoPath = Brand<string, 'RepoPath'>
/** SHA-256 of the repository's root public key (32 raw bytes), hexadecimal. */
export type RepositoryId = Brand<string, 'RepositoryId'>
/** A volunteer's name: 1 to 63 of a-z, 0-9 and '-', unique at its origin. */
export type VolunteerName = Brand<string, 'VolunteerName'>

/** Number of a snapshot within its epoch, from 1. */
export type SnapshotNumber = number
/** Counts restores from backup, from 1. */
export type Epoch = number
/** Dense number of a content, from 0, never reused within an epoch. */
export type ContentNumber = number

const sha256Pattern = /^[0-9a-f]{64}$/
const infoHashPattern = /^[0-9a-f]{40}$/
const volunteerNamePattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

export const isSha256 = (text: string): text is Sha256 => sha256Pattern.test(text)
export const isInfoHash = (text: string): text is InfoHash => infoHashPattern.test(text)
export const isVolunteerName = (text: string): text is VolunteerName =>
  volunteerNamePattern.test(text)
