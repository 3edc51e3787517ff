// repomd.xml of rpm repositories: the metadata files that it names. Only as much XML is understood
// as createrepo_c and its relatives write; anything else names nothing.

import { isSha256 } from '../../core/ids.ts'
import { namedFiles } from '../../core/limits.ts'
import type { NamedFile } from './named-file.ts'

const entities: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&apos;': "'",
}

const decode = (text: string): string =>
  text.replace(/&(?:amp|lt|gt|quot|apos);/g, entity => entities[entity] ?? entity)

/** The text between two marks, or null. */
const between = (text: string, open: string, close: string): string | null => {
  const start = text.indexOf(open)
  if (start < 0) return null
  const end = text.indexOf(close, start + open.length)
  return end < 0 ? null : text.slice(start + open.length, end)
}

/** Attributes and text of the first <name …>. */
const child = (element: string, name: string): { attributes: string; text: string } | null => {
  const start = element.search(new RegExp(`<${name}[\\s>]`))
  const end = start < 0 ? -1 : element.indexOf('>', start)
  if (end < 0) return null
  const next = element.indexOf('<', end)
  return {
    attributes: element.slice(start + name.length + 1, end),
    text: next < 0 ? '' : element.slice(end + 1, next),
  }
}

const attribute = (attributes: string, name: string): string | null => {
  const value =
    between(` ${attributes}`, ` ${name}="`, '"') ?? between(` ${attributes}`, ` ${name}='`, "'")
  return value === null ? null : decode(value)
}

const parseData = (element: string): NamedFile | null => {
  const location = child(element, 'location')
  const path = location === null ? null : attribute(location.attributes, 'href')
  // With xml:base the file lies on another server.
  if (location === null || path === null || location.attributes.includes('xml:base')) return null
  const checksum = child(element, 'checksum')
  const digest = checksum?.text.trim().toLowerCase() ?? ''
  const size = child(element, 'size')?.text.trim() ?? ''
  return {
    path,
    sizeBytes: /^\d{1,15}$/.test(size) ? Number(size) : null,
    sha256: isSha256(digest) ? digest : null,
  }
}

/** The named files, relative to the folder that contains `repodata/`, at most `namedFiles`. */
export const parseRepomd = (text: string): NamedFile[] => {
  const files: NamedFile[] = []
  let start = text.indexOf('<data')
  while (start >= 0 && files.length < namedFiles) {
    const end = text.indexOf('</data>', start)
    if (end < 0) break
    const file = parseData(text.slice(start, end))
    if (file !== null) files.push(file)
    start = text.indexOf('<data', end)
  }
  return files
}
