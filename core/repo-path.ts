// Paths are bytes. Wherever they are text they are percent-encoded in one canonical form, so that
// equal bytes are equal strings: everything but RFC 3986 "unreserved" is %XX in upper case.

import type { RepoPath } from './ids.ts'
import { requestPathBytes } from './limits.ts'

const slash = 0x2f
const dot = 0x2e
const percent = 0x25

const encoded: string[] = Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte)
  return /[A-Za-z0-9\-._~/]/.test(char)
    ? char
    : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
})

export const rootPath = '' as RepoPath

/** Canonical text of raw path bytes ("/" separates). The caller vouches that no segment is odd. */
export const pathFromBytes = (bytes: Uint8Array): RepoPath => {
  let text = ''
  for (const byte of bytes) text += encoded[byte]
  return text as RepoPath
}

const hexValue = (code: number): number => {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1
}

/** The raw bytes of a canonical path. */
export const pathToBytes = (path: RepoPath): Buffer => {
  const out = Buffer.allocUnsafe(path.length)
  let length = 0
  for (let index = 0; index < path.length; index++) {
    const code = path.charCodeAt(index)
    if (code === percent) {
      out[length++] =
        hexValue(path.charCodeAt(index + 1)) * 16 + hexValue(path.charCodeAt(index + 2))
      index += 2
    } else out[length++] = code
  }
  return out.subarray(0, length)
}

/** The name to open under `root`: a Buffer, since names need not be UTF-8. */
export const pathInFolder = (root: string, path: RepoPath): Buffer =>
  path === '' ? Buffer.from(root) : Buffer.concat([Buffer.from(`${root}/`), pathToBytes(path)])

export const joinPath = (folder: RepoPath, name: RepoPath): RepoPath =>
  (folder === '' ? name : `${folder}/${name}`) as RepoPath

export const parentPath = (path: RepoPath): RepoPath =>
  path.slice(0, Math.max(0, path.lastIndexOf('/'))) as RepoPath

export const baseName = (path: RepoPath): string => path.slice(path.lastIndexOf('/') + 1)

/** For people: decoded where the bytes are UTF-8 without control characters, else as it is. */
export const displayPath = (path: RepoPath): string => {
  const bytes = pathToBytes(path)
  const text = bytes.toString('utf8')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return Buffer.from(text).equals(bytes) && !/[\u0000-\u001f\u007f\u2028\u2029]/.test(text)
    ? text
    : path
}

export type ParsedPath =
  | { readonly ok: true; readonly path: RepoPath; readonly directory: boolean }
  | { readonly ok: false; readonly reason: string }

const decodeRequest = (raw: string): Buffer | string => {
  const out = Buffer.allocUnsafe(raw.length)
  let length = 0
  for (let index = 0; index < raw.length; index++) {
    const code = raw.charCodeAt(index)
    if (code === percent) {
      const high = hexValue(raw.charCodeAt(index + 1))
      const low = hexValue(raw.charCodeAt(index + 2))
      if (high < 0 || low < 0) return 'a "%" is not followed by two hexadecimal digits'
      const byte = high * 16 + low
      if (byte === slash) return 'an encoded slash is not part of a name'
      if (byte === 0) return 'a name cannot contain NUL'
      out[length++] = byte
      index += 2
    } else if (code === 0) return 'a name cannot contain NUL'
    else if (code > 0xff) return 'a character outside Latin-1 is not a byte of a request'
    else out[length++] = code
  }
  return out.subarray(0, length)
}

const isDots = (segment: Buffer): boolean =>
  (segment.length === 1 && segment[0] === dot) ||
  (segment.length === 2 && segment[0] === dot && segment[1] === dot)

/**
 * Parse the path of a request as it stood on the wire (before "?"). Repeated slashes count as one,
 * as web servers do; "." and "..", encoded or not, NUL and encoded slashes are refused.
 */
export const parseRequestPath = (raw: string): ParsedPath => {
  if (raw.length > requestPathBytes) return { ok: false, reason: 'the path is too long' }
  const bytes = decodeRequest(raw)
  if (typeof bytes === 'string') return { ok: false, reason: bytes }
  const segments: string[] = []
  let start = 0
  for (let index = 0; index <= bytes.length; index++) {
    if (index < bytes.length && bytes[index] !== slash) continue
    const segment = bytes.subarray(start, index)
    start = index + 1
    if (segment.length === 0) continue
    if (isDots(segment)) return { ok: false, reason: '"." and ".." are not allowed' }
    segments.push(pathFromBytes(segment))
  }
  const directory = bytes.length === 0 || bytes[bytes.length - 1] === slash
  return { ok: true, path: segments.join('/') as RepoPath, directory }
}

/** True for text that is a path in canonical form: what remote manifests and messages must hold. */
export const isCanonicalPath = (text: string): text is RepoPath => {
  const parsed = parseRequestPath(text)
  return parsed.ok && parsed.path === text
}
