// The lines of a manifest part as they travel: building and checking them. Unknown fields and
// unknown types are ignored, so that versions can mix; everything known must be right.

import { MirrorswarmError } from '../../core/errors.ts'
import {
  type InfoHash,
  isInfoHash,
  isSha256,
  type RepoPath,
  type RepositoryId,
  type Sha256,
} from '../../core/ids.ts'
import { bundleMembers } from '../../core/limits.ts'
import { isCanonicalPath } from '../../core/repo-path.ts'
import type { Snapshot } from '../model.ts'
import { isCanonicalTarget } from './link-target.ts'

/** First line of a part. `from` is that of a difference; `contents` one more than the largest number. */
export interface PartHeader {
  readonly type: 'segment' | 'difference'
  readonly repository: RepositoryId
  readonly epoch: number
  readonly from?: number
  readonly to: number
  readonly contents: number
  readonly snapshot: Omit<Snapshot, 'number'>
}

export interface ContentRecord {
  readonly type: 'content'
  readonly n: number
  readonly sha256: Sha256
  readonly size: number
  readonly sha1: string
  readonly md5: string
  readonly md4: string
  readonly modified: number
  readonly first: number
}

export interface BundleRecord {
  readonly type: 'bundle'
  readonly n: number
  readonly infoHash: InfoHash
  readonly metainfo: Sha256
  readonly pieceLength: number
  readonly members: readonly number[]
}

export type ManifestRecord =
  | ContentRecord
  | BundleRecord
  | { readonly type: 'file'; readonly path: RepoPath; readonly content: number }
  | { readonly type: 'link'; readonly path: RepoPath; readonly target: string }
  | { readonly type: 'gone'; readonly path: RepoPath }

/** Last line of a part: how many records stand between it and the header. */
export interface PartEnd {
  readonly type: 'end'
  readonly records: number
}

type Fields = Readonly<Record<string, unknown>>

const invalid = (what: string): never => {
  throw new MirrorswarmError('MS_MANIFEST_INVALID', `a manifest part has ${what}`)
}

const count = (fields: Fields, name: string, least = 0): number => {
  const value = fields[name]
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least
    ? value
    : invalid(`a bad "${name}"`)
}

const hex = (fields: Fields, name: string, digits: number): string => {
  const value = fields[name]
  return typeof value === 'string' && value.length === digits && /^[0-9a-f]+$/.test(value)
    ? value
    : invalid(`a bad "${name}"`)
}

const sha256 = (fields: Fields, name: string): Sha256 => {
  const value = fields[name]
  return typeof value === 'string' && isSha256(value) ? value : invalid(`a bad "${name}"`)
}

/** A path that a tree can really hold: the scan makes no others. */
const path = (fields: Fields): RepoPath => {
  const value = fields.path
  if (typeof value !== 'string' || value === '' || !isCanonicalPath(value)) {
    return invalid('a path that is not in canonical form')
  }
  if (value === '-' || value.startsWith('-/')) return invalid('a path below "-"')
  if (/(?:^|\/)\.mirrorswarm/.test(value)) return invalid('a path of our own temporary files')
  return value
}

const target = (fields: Fields, link: RepoPath): string => {
  const value = fields.target
  return typeof value === 'string' && isCanonicalTarget(link, value)
    ? value
    : invalid(`a bad target of "${link}"`)
}

const members = (fields: Fields, contents: number): number[] => {
  const value = fields.members
  if (!Array.isArray(value) || value.length === 0 || value.length > bundleMembers) {
    return invalid('a bundle with bad members')
  }
  const numbers = value.map(member => count({ member }, 'member'))
  if (new Set(numbers).size !== numbers.length) return invalid('a bundle that repeats a member')
  return numbers.every(number => number < contents) ? numbers : invalid('a bad member')
}

const below = (value: number, limit: number, name: string): number =>
  value < limit ? value : invalid(`a "${name}" that is too large`)

const headerOf = (fields: Fields): PartHeader => {
  const type = fields.type
  if (type !== 'segment' && type !== 'difference') return invalid('no header')
  const snapshot = fields.snapshot
  if (typeof snapshot !== 'object' || snapshot === null) return invalid('no "snapshot"')
  const picture: Fields = { ...snapshot }
  return {
    type,
    repository: hex(fields, 'repository', 64) as RepositoryId,
    epoch: count(fields, 'epoch', 1),
    ...(type === 'difference' ? { from: count(fields, 'from') } : {}),
    to: count(fields, 'to', 1),
    contents: count(fields, 'contents'),
    snapshot: {
      createdMs: count(picture, 'createdMs'),
      files: count(picture, 'files'),
      links: count(picture, 'links'),
      bytes: count(picture, 'bytes'),
      uniqueBytes: count(picture, 'uniqueBytes'),
      added: count(picture, 'added'),
      changed: count(picture, 'changed'),
      removed: count(picture, 'removed'),
    },
  }
}

const contentRecord = (fields: Fields, header: PartHeader): ContentRecord => ({
  type: 'content',
  n: below(count(fields, 'n'), header.contents, 'n'),
  sha256: sha256(fields, 'sha256'),
  size: count(fields, 'size'),
  sha1: hex(fields, 'sha1', 40),
  md5: hex(fields, 'md5', 32),
  md4: hex(fields, 'md4', 32),
  modified: count(fields, 'modified', Number.MIN_SAFE_INTEGER),
  first: below(count(fields, 'first', 1), header.to + 1, 'first'),
})

const bundleRecord = (fields: Fields, header: PartHeader): BundleRecord => {
  const infoHash = fields.infoHash
  if (typeof infoHash !== 'string' || !isInfoHash(infoHash)) return invalid('a bad "infoHash"')
  return {
    type: 'bundle',
    n: count(fields, 'n'),
    infoHash,
    metainfo: sha256(fields, 'metainfo'),
    pieceLength: count(fields, 'pieceLength', 1),
    members: members(fields, header.contents),
  }
}

const fieldsOf = (line: string): Fields => {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw new MirrorswarmError(
      'MS_MANIFEST_INVALID',
      'a manifest part has a line that is no JSON',
      {
        cause: error,
      },
    )
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? { ...value }
    : invalid('a line that is no record')
}

/** The first line of a part. Throws MS_MANIFEST_INVALID. */
export const parseHeader = (line: string): PartHeader => headerOf(fieldsOf(line))

/** Any other line; null for a type that this version does not know. Throws MS_MANIFEST_INVALID. */
export const parseRecord = (line: string, header: PartHeader): ManifestRecord | PartEnd | null => {
  const fields = fieldsOf(line)
  switch (fields.type) {
    case 'content':
      return contentRecord(fields, header)
    case 'file':
      return {
        type: 'file',
        path: path(fields),
        content: below(count(fields, 'content'), header.contents, 'content'),
      }
    case 'link': {
      const link = path(fields)
      return { type: 'link', path: link, target: target(fields, link) }
    }
    case 'gone':
      return header.type === 'difference'
        ? { type: 'gone', path: path(fields) }
        : invalid('a removal in a checkpoint')
    case 'bundle':
      return bundleRecord(fields, header)
    case 'end':
      return { type: 'end', records: count(fields, 'records') }
    default:
      return typeof fields.type === 'string' ? null : invalid('a record without type')
  }
}
