// Lists of hashes in the form that sha256sum -c, sha1sum -c and md5sum -c accept, with a signature
// in comment lines, which those programs skip. Names are bytes: lists are made of buffers.

import { createHash } from 'node:crypto'
import type { Epoch, RepoPath, RepositoryId, SnapshotNumber } from '../../core/ids.ts'
import { baseName, pathToBytes } from '../../core/repo-path.ts'
import type { Content } from '../../manifest/model.ts'

export const hashKinds = ['sha256', 'sha1', 'md5', 'md4'] as const
export type HashKind = (typeof hashKinds)[number]

/** The hash that a query like "?sha256" asks for; null when it asks for none. */
export const parseHashKind = (names: Iterable<string>): HashKind | null => {
  const asked = new Set(names)
  return hashKinds.find(kind => asked.has(kind)) ?? null
}

export interface HashedPath {
  /** Relative to the folder of the list. */
  readonly path: RepoPath
  readonly content: Content
}

export interface HashListHeader {
  readonly kind: HashKind
  readonly repositoryId: RepositoryId
  readonly epoch: Epoch
  readonly snapshot: SnapshotNumber
  readonly folder: RepoPath
}

export interface ListSigner {
  /** Ed25519 public key, base64url. */
  readonly publicKey: string
  /** Ed25519 signature of a text, base64url. */
  sign(text: string): string
}

/** Lists are handed out in pieces of about this size. */
const pieceBytes = 64 * 1024

const backslash = Buffer.from('\\')

/** As GNU coreutils writes names with a line break or a backslash: escaped, and marked in front. */
const escapeName = (name: Buffer): { marked: boolean; bytes: Buffer } => {
  // A file named "-" would mean standard input.
  if (name.length === 1 && name[0] === 0x2d) return { marked: false, bytes: Buffer.from('./-') }
  if (!name.includes(0x5c) && !name.includes(0x0a) && !name.includes(0x0d)) {
    return { marked: false, bytes: name }
  }
  const text = name
    .toString('latin1')
    .replace(/[\\\n\r]/g, char => ({ '\\': '\\\\', '\n': '\\n' })[char] ?? '\\r')
  return { marked: true, bytes: Buffer.from(text, 'latin1') }
}

/** One line, "HASH  NAME\n". */
export const hashLine = (hash: string, name: Buffer): Buffer => {
  const { marked, bytes } = escapeName(name)
  const line = [Buffer.from(`${hash}  `), bytes, Buffer.from('\n')]
  return Buffer.concat(marked ? [backslash, ...line] : line)
}

/** The answer for a single file: its line, by its base name. */
export const fileHash = (kind: HashKind, path: RepoPath, content: Content): Buffer =>
  hashLine(content[kind], pathToBytes(baseName(path) as RepoPath))

/** What is signed for a list whose lines before the signature have this SHA-256. */
export const listSignatureText = (sha256: string): string => `mirrorswarm list v1\n${sha256}`

/**
 * The list of a folder, piece by piece. The first lines say what it is a list of; the last line is
 * `# signature KEY SIGNATURE`, by Ed25519, of `listSignatureText` of all the bytes before it.
 * `paths` is read as the pieces are taken.
 */
export function* hashList(
  header: HashListHeader,
  paths: Iterable<HashedPath>,
  signer: ListSigner,
): Generator<Buffer> {
  const digest = createHash('sha256')
  let lines: Buffer[] = [
    Buffer.from(
      `# mirrorswarm list v1: ${header.kind} of everything below /${header.folder}\n` +
        `# repository ${header.repositoryId} epoch ${header.epoch} snapshot ${header.snapshot}\n`,
    ),
  ]
  let length = 0
  for (const { path, content } of paths) {
    const line = hashLine(content[header.kind], pathToBytes(path))
    lines.push(line)
    length += line.length
    if (length < pieceBytes) continue
    const piece = Buffer.concat(lines)
    digest.update(piece)
    yield piece
    lines = []
    length = 0
  }
  const rest = Buffer.concat(lines)
  const sha256 = digest.update(rest).digest('hex')
  const signature = signer.sign(listSignatureText(sha256))
  yield Buffer.concat([rest, Buffer.from(`# signature ${signer.publicKey} ${signature}\n`)])
}
