// apt's Release and InRelease files: the index files that they name by SHA-256. Signatures are not
// checked here; the text only tells whether an upload is complete.

import { isSha256 } from '../../core/ids.ts'
import { namedFiles } from '../../core/limits.ts'
import type { NamedFile } from './named-file.ts'

/** Of a clear-signed text (RFC 9580, 7) the signed part; any other text is returned as it is. */
const signedText = (text: string): string => {
  const begin = '-----BEGIN PGP SIGNED MESSAGE-----'
  if (!text.startsWith(begin)) return text
  const end = text.indexOf('\n-----BEGIN PGP SIGNATURE-----')
  return text.slice(begin.length, end < 0 ? text.length : end).replace(/\n- /g, '\n')
}

/** Whether a text is clear-signed, by whomever. */
export const isSignedText = (text: string): boolean =>
  text.startsWith('-----BEGIN PGP SIGNED MESSAGE-----') &&
  text.includes('\n-----BEGIN PGP SIGNATURE-----')

const parseLine = (line: string): NamedFile | null => {
  const [digest = '', size = '', path = '', ...rest] = line.trim().split(/\s+/)
  const hash = digest.toLowerCase()
  if (!isSha256(hash) || !/^\d{1,15}$/.test(size) || path === '' || rest.length > 0) return null
  return { path, sizeBytes: Number(size), sha256: hash }
}

/** The files of the "SHA256:" section, relative to the Release file's folder, at most `namedFiles`. */
export const parseRelease = (text: string): NamedFile[] => {
  const files: NamedFile[] = []
  let inside = false
  for (const line of signedText(text).split(/\r?\n/)) {
    if (!/^[ \t]/.test(line)) {
      inside = /^SHA256:\s*$/i.test(line)
      continue
    }
    const file = inside ? parseLine(line) : null
    if (file !== null) files.push(file)
    if (files.length >= namedFiles) break
  }
  return files
}
