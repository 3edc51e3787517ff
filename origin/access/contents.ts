// Rights to contents that are named by hash instead of by path: whoever may read one of a content's
// paths may read the content.

import { parse } from 'node:querystring'
import { type ContentNumber, isInfoHash } from '../../core/ids.ts'
import type { OriginContext } from '../context.ts'
import { mayRead, type Rights } from '../logic/rights.ts'

type Parts = Pick<OriginContext, 'resolver' | 'torrents'>

/** By the paths of the newest snapshot; at most `pathsOfContent` of them are looked at. */
export const mayReadContent = (
  { resolver }: Pick<Parts, 'resolver'>,
  rights: Rights,
  content: ContentNumber,
): boolean => {
  if (rights.prefixes === null) return true
  const { latest, reader } = resolver
  return (
    latest !== null && reader.pathsOf(content, latest.number).some(path => mayRead(rights, path))
  )
}

/**
 * The info-hashes that a stock client's query names (BEP 3: bytes, percent-encoded), as hex. Read
 * exactly as the tracker reads it, encoded names included: otherwise it would see others.
 */
const infoHashesOf = (query: string): string[] => {
  const found = parse(query, '&', '=', { decodeURIComponent: unescape }).info_hash ?? []
  return [found].flat().map(bytes => Buffer.from(bytes, 'latin1').toString('hex'))
}

/** Whether all torrents that an announce or scrape names carry only what these rights cover. */
export const mayAnnounce = (parts: Parts, rights: Rights, query: string): boolean => {
  if (rights.prefixes === null) return true
  const infoHashes = infoHashesOf(query)
  return (
    infoHashes.length > 0 &&
    infoHashes.every(infoHash => {
      if (!isInfoHash(infoHash)) return false
      const lone = parts.torrents.find(infoHash)
      const { reader } = parts.resolver
      const members = lone === null ? reader.bundleByInfoHash(infoHash)?.members : [lone]
      return members?.every(content => mayReadContent(parts, rights, content)) ?? false
    })
  )
}
