// What a URL leads to: asks the origin who has the file, for its signed word on the file's hash, and
// for the hashes of its pieces. Believes the hash because of the signature, the rest because of the hash.

import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { isMirrorswarmError, MirrorswarmError } from '../../core/errors.ts'
import { fetchMetainfoBytes, fetchPlainPieceBytes } from '../../core/fetch-limits.ts'
import type { RepoPath } from '../../core/ids.ts'
import { remoteAnswerBytes } from '../../core/limits.ts'
import { parseRequestPath } from '../../core/repo-path.ts'
import { claimedRootKey, type FileClaim, verifyFileProof } from '../../manifest/file-proof.ts'
import { parseMetainfo } from '../../prsync/metainfo.ts'
import type { Web } from './web.ts'

export interface SourceUrl {
  readonly name: string
  readonly url: URL
  /** The origin itself. */
  readonly last: boolean
}

export interface Pieces {
  readonly pieceLengthBytes: number
  /** SHA-1, 20 bytes each; null: not known, only the whole file can be checked. */
  readonly hashes: Buffer | null
}

export interface Described {
  /** The origin: its URL with a slash at the end. */
  readonly base: string
  readonly claim: FileClaim
  readonly rootKey: string
  readonly modifiedMs: number
  readonly sources: readonly SourceUrl[]
  readonly pieces: Pieces
}

const listSchema = Compile(
  Type.Object({
    path: Type.String(),
    modified: Type.String(),
    direct: Type.String(),
    mirrors: Type.Array(Type.Object({ name: Type.String(), url: Type.String() }), {
      maxItems: 10_000,
    }),
  }),
)

const odd = (what: string): MirrorswarmError =>
  new MirrorswarmError('MS_ANSWER_INVALID', `this is no mirrorswarm origin: ${what}`)

const readList = (bytes: Buffer) => {
  let value: unknown = null
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw odd('its list of mirrors is no JSON')
  }
  if (!listSchema.Check(value)) throw odd('its list of mirrors lacks something')
  return value
}

/** The origin's base URL: the file's without the path that the origin knows the file by. */
export const baseOfFile = (url: URL, path: string): string | null => {
  const parsed = parseRequestPath(url.pathname)
  if (!parsed.ok || !(parsed.path === path || parsed.path.endsWith(`/${path}`))) return null
  return `${url.origin}/${parsed.path.slice(0, -path.length)}`
}

const plainUrl = (text: string): URL | null => {
  const url = URL.canParse(text) ? new URL(text) : null
  return url !== null && /^https?:$/.test(url.protocol) ? url : null
}

/** The hashes of a file's pieces by its torrent; unknown where there is none that fits. */
const readPieces = async (
  web: Web,
  base: string,
  claim: FileClaim,
  signal: AbortSignal,
): Promise<Pieces> => {
  const { path, sizeBytes } = claim
  const unknown = { pieceLengthBytes: fetchPlainPieceBytes, hashes: null }
  if (sizeBytes === 0) return unknown
  try {
    const url = new URL(`${base}${path}.torrent`)
    const bytes = await web.read(url, 'application/x-bittorrent', fetchMetainfoBytes, signal)
    const { pieceLengthBytes, pieces, files } = parseMetainfo(bytes)
    const count = Math.ceil(sizeBytes / pieceLengthBytes)
    const fits = files.length === 1 && files[0]?.sizeBytes === sizeBytes
    return fits && pieces.length === 20 * count && pieceLengthBytes <= fetchMetainfoBytes
      ? { pieceLengthBytes, hashes: pieces }
      : unknown
  } catch (error) {
    // Without them wrong bytes are still noticed, only later.
    if (isMirrorswarmError(error)) return unknown
    throw error
  }
}

/** The key to check by, given the origin's base URL and what it claims. */
export type KeyChooser = (base: string, claimed: string) => Promise<string>

/** Throws what hinders: no such file, no origin, a signature that does not hold. */
export const describeFile = async (
  web: Web,
  url: URL,
  chooseKey: KeyChooser,
  nowMs: () => number,
  signal: AbortSignal,
): Promise<Described> => {
  const file = new URL(url.pathname, url.origin)
  const asked = new URL(`${file.href}?mirrorlist`)
  const list = readList(await web.read(asked, 'application/json', remoteAnswerBytes, signal))
  const path = list.path.replace(/^\//, '') as RepoPath
  const base = path === '' ? null : baseOfFile(url, path)
  if (base === null) throw odd('it speaks of another file')
  const proofUrl = new URL(`${base}-/v1/proof?path=/${path}`)
  const proof = (await web.read(proofUrl, 'application/json', remoteAnswerBytes, signal)).toString()
  const rootKey = await chooseKey(base, claimedRootKey(proof))
  const claim = verifyFileProof(proof, { rootKey, path }, nowMs())
  const mirrors = list.mirrors.flatMap(({ name, url: text }) => {
    const mirror = plainUrl(text)
    return mirror === null ? [] : [{ name, url: mirror, last: false }]
  })
  const direct = { name: 'the origin', url: new URL(`${base}${path}?direct`), last: true }
  return {
    ...{ base, claim, rootKey },
    modifiedMs: Date.parse(list.modified),
    sources: [...mirrors, direct],
    pieces: await readPieces(web, base, claim, signal),
  }
}
