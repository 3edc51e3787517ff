// "?mirrorlist": who has a file, for people (HTML) and programs (JSON).

import { formatSize } from '../../core/units.ts'
import { type Explanation, refusedRows } from './explanation.ts'
import { directUrl, type FileSources, fileUrl, mirrorUrl } from './file-sources.ts'
import { escapeMarkup, formatMinute, isoTime, readablePath, renderPage } from './markup.ts'

/** Quality (RFC 9110, 12.4.2) that an Accept header gives a media type; 0 if it does not want it. */
const qualityOf = (accept: string, type: string): number => {
  const [main] = type.split('/')
  let best = { rank: -1, quality: 0 }
  for (const range of accept.toLowerCase().split(',')) {
    const [name = '', ...parameters] = range.split(';').map(part => part.trim())
    const rank = [`*/*`, `${main}/*`, type].indexOf(name)
    if (rank <= best.rank) continue
    const q = parameters.find(parameter => parameter.startsWith('q='))
    const quality = q === undefined ? 1 : Number(q.slice(2))
    best = { rank, quality: Number.isFinite(quality) ? quality : 0 }
  }
  return best.quality
}

/** Whether JSON is wanted more than HTML; a client without preferences gets HTML. */
export const prefersJson = (accept: string | undefined): boolean =>
  accept !== undefined && qualityOf(accept, 'application/json') > qualityOf(accept, 'text/html')

const rootOf = ({ baseUrl }: FileSources): string => `${baseUrl}/`

/**
 * The list as JSON text; `priority` as in a metalink, 1 is best. `explanation`: for operators, who
 * also learn who is not in the list and why.
 */
export const renderMirrorListJson = (
  sources: FileSources,
  explanation: Explanation | null = null,
): string => {
  const { path, content, snapshot, mirrors } = sources
  const list = {
    path: `/${path}`,
    sizeBytes: content.sizeBytes,
    sha256: content.sha256,
    sha1: content.sha1,
    md5: content.md5,
    modified: isoTime(content.modifiedSeconds),
    snapshot,
    url: fileUrl(sources),
    direct: directUrl(sources),
    metalink: `${fileUrl(sources)}.meta4`,
    repository: rootOf(sources),
    mirrors: mirrors.map((name, index) => ({
      name,
      priority: index + 1,
      url: mirrorUrl(sources, name),
    })),
    ...(explanation === null
      ? {}
      : { notRedirected: explanation.serve, refused: refusedRows(explanation.selection) }),
  }
  return `${JSON.stringify(list, null, 2)}\n`
}

const link = (url: string, text: string): string =>
  `<a href="${escapeMarkup(url)}">${escapeMarkup(text)}</a>`

/** The list as a page. */
export const renderMirrorListPage = (sources: FileSources): string => {
  const { path, content, snapshot, mirrors } = sources
  const facts: [string, string][] = [
    ['Size', `${formatSize(content.sizeBytes)} (${content.sizeBytes} bytes)`],
    ['Last modified', `${formatMinute(content.modifiedSeconds)} UTC`],
    ['SHA-256', `<code>${content.sha256}</code>`],
    ['SHA-1', `<code>${content.sha1}</code>`],
    ['MD5', `<code>${content.md5}</code>`],
    ['Get it', link(fileUrl(sources), 'from the best volunteer')],
    ['', link(directUrl(sources), 'from the origin')],
    ['', link(`${fileUrl(sources)}.meta4`, 'metalink')],
    ...(content.sizeBytes > 0
      ? ([['', link(`${fileUrl(sources)}.torrent`, 'torrent')]] as [string, string][])
      : []),
  ]
  const rows = facts.map(([name, value]) => `<tr><th>${name}</th><td>${value}</td></tr>`)
  const items = mirrors.map(name => `<li>${link(mirrorUrl(sources, name), name)}</li>`)
  const holders =
    items.length === 0
      ? '<p>No volunteer can serve it now; the origin does.</p>\n'
      : `<p>Volunteers that hold exactly these bytes, best first:</p>\n<ol>\n${items.join('\n')}\n</ol>\n`
  return renderPage(
    `/${readablePath(path)}`,
    `<table>\n${rows.join('\n')}\n</table>\n${holders}<footer>snapshot ${snapshot} · served by mirrorswarm</footer>\n`,
  )
}
