// The metalink of a repomd.xml as dnf and yum read it: Metalink 3 with the extension of Fedora's
// MirrorManager that also names former versions, so that a client that still holds one is content.

import type { Content } from '../../manifest/model.ts'
import { escapeMarkup, isoTime } from './markup.ts'
import { type ServerList, serverUrls } from './mirror-lines.ts'

export const rpmMetalinkType = 'application/metalink+xml'

export interface RpmMetalink extends ServerList {
  /** repomd.xml as it is now. */
  readonly current: Content
  /** Former ones that clients may still hold, newest first. */
  readonly former: readonly Content[]
}

const description = ({ modifiedSeconds, sizeBytes, md5, sha1, sha256 }: Content): string[] => [
  `<mm0:timestamp>${modifiedSeconds}</mm0:timestamp>`,
  `<size>${sizeBytes}</size>`,
  '<verification>',
  ...[
    ['md5', md5],
    ['sha1', sha1],
    ['sha256', sha256],
  ].map(([type, hash]) => ` <hash type="${type}">${hash}</hash>`),
  '</verification>',
]

const indented = (lines: readonly string[], by: number): string[] =>
  lines.map(line => `${' '.repeat(by)}${line}`)

/** The metalink; its URLs lead to `repodata/repomd.xml` below each server of the list. */
export const renderRpmMetalink = (metalink: RpmMetalink): string => {
  const { current, former } = metalink
  const alternates = former.flatMap(content => [
    ' <mm0:alternate>',
    ...indented(description(content), 2),
    ' </mm0:alternate>',
  ])
  const resources = serverUrls(metalink).map((url, index) => {
    const protocol = url.startsWith('https:') ? 'https' : 'http'
    const target = escapeMarkup(`${url}repodata/repomd.xml`)
    const preference = Math.max(1, 100 - index)
    return ` <url protocol="${protocol}" type="${protocol}" preference="${preference}">${target}</url>`
  })
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic" generator="mirrorswarm"' +
      ` pubdate="${isoTime(current.modifiedSeconds)}"` +
      ' xmlns:mm0="http://fedorahosted.org/mirrormanager">',
    ' <files>',
    '  <file name="repomd.xml">',
    ...indented(description(current), 3),
    ...(former.length === 0
      ? []
      : indented(['<mm0:alternates>', ...alternates, '</mm0:alternates>'], 3)),
    ...indented(['<resources maxconnections="1">', ...resources, '</resources>'], 3),
    '  </file>',
    ' </files>',
    '</metalink>',
  ]
  return `${lines.join('\n')}\n`
}
