// Which files the origin never redirects and therefore copies at publish: what clients read without
// knowing its hash beforehand (signed indexes, lists of hashes, databases of package managers) and
// what is smaller than a redirect is worth.

import type { RepoPath } from '../../core/ids.ts'
import { keptLargestBytes, redirectFloorBytes } from '../../core/limits.ts'
import { matchPaths } from './path-pattern.ts'

/**
 * Patterns as `matchPaths` takes them. Gathered from MirrorCache, MirrorBrain and apt,
 * dnf, zypper, pacman and apk themselves.
 */
export const neverRedirected: readonly string[] = [
  // apt: names that stay while the bytes change (by-hash/ may go to volunteers)
  'InRelease',
  'Release',
  'Release.gpg',
  'Release.key',
  ...['Packages', 'Sources', 'Contents-*', 'Translation-*', 'Components-*'].flatMap(name => [
    name,
    ...['gz', 'bz2', 'xz', 'lzma', 'zst', 'lz4'].map(suffix => `${name}.${suffix}`),
  ]),
  '*.diff/Index',
  'Commands-*',
  'icons-*.tar*',
  // dnf, zypper
  'repomd.xml',
  'repomd.xml.*',
  'media.1/*',
  'content',
  '*.repo',
  // pacman, apk
  '*.db',
  '*.db.tar.*',
  '*.files',
  '*.files.tar.*',
  'APKINDEX.tar.gz',
  // hashes, signatures, keys, descriptions of transfers
  '*.asc',
  '*.sig',
  '*.sign',
  '*.gpg',
  '*.key',
  '*.md5',
  '*.sha1',
  '*.sha256',
  '*.sha512',
  '*CHECKSUM',
  '*CHECKSUMS',
  'MD5SUMS*',
  'SHA1SUMS*',
  'SHA256SUMS*',
  'SHA512SUMS*',
  'sha256sum*.txt',
  '*.torrent',
  '*.zsync',
  '*.meta4',
  '*.metalink',
]

/**
 * Indexes that volunteers may serve, since clients know their hashes; but a client may ask for those
 * of the snapshot before, which the tree has lost, so that the origin copies them, too.
 */
export const copiedIndexes: readonly string[] = ['repodata/*']

export type KeepAtOrigin = (path: RepoPath, sizeBytes: number) => boolean

/** The predicate for these patterns (by default `neverRedirected`). */
export const keepAtOriginBy = (patterns: readonly string[] = neverRedirected): KeepAtOrigin => {
  const matches = matchPaths(patterns)
  return (path, sizeBytes) =>
    sizeBytes < redirectFloorBytes || (sizeBytes <= keptLargestBytes && matches(path))
}

/** The default predicate. */
export const keepAtOrigin: KeepAtOrigin = keepAtOriginBy()
