// The page of a folder: what is in it, with sizes, dates and hashes, sortable by plain links as in
// Apache's listings, so that programs that read those read this one too.

import type { RepoPath } from '../../core/ids.ts'
import { formatSize } from '../../core/units.ts'
import type { DirectoryChild } from '../../manifest/store/reader.ts'
import { escapeMarkup, formatMinute, isoTime, readablePath, renderPage } from './markup.ts'

/** N: name, M: last modified, S: size. */
export interface PageOrder {
  readonly column: 'N' | 'M' | 'S'
  readonly descending: boolean
}

export interface DirectoryPage {
  readonly path: RepoPath
  /** In the order of names; at most a page of them. */
  readonly children: readonly DirectoryChild[]
  readonly order: PageOrder
  /** Whether there are further children behind the last one. */
  readonly more: boolean
  /** Null before the first snapshot. */
  readonly snapshot: number | null
}

const columns = [
  { column: 'N', title: 'Name' },
  { column: 'M', title: 'Last modified (UTC)' },
  { column: 'S', title: 'Size' },
] as const

/** The order that a query like `C=M;O=D` (or with `&`) asks for; by name if it asks for none. */
export const parseOrder = (query: string): PageOrder => {
  const asked = new Map(query.split(/[;&]/).map(field => [field.slice(0, 2), field.slice(2)]))
  const column = columns.find(each => each.column === asked.get('C='))?.column ?? 'N'
  return { column, descending: asked.get('O=') === 'D' }
}

const sizeOf = (child: DirectoryChild): number => child.content?.sizeBytes ?? -1
const modifiedOf = (child: DirectoryChild): number => child.content?.modifiedSeconds ?? -1

/** Folders first; children that are equal in the column stay in the order of names. */
const sorted = (children: readonly DirectoryChild[], order: PageOrder): DirectoryChild[] => {
  const rank = (child: DirectoryChild): number => (child.kind === 'directory' ? 0 : 1)
  const sign = order.descending ? -1 : 1
  const compare = {
    N: (one: DirectoryChild, other: DirectoryChild) => (one.name < other.name ? -1 : 1),
    M: (one: DirectoryChild, other: DirectoryChild) => modifiedOf(one) - modifiedOf(other),
    S: (one: DirectoryChild, other: DirectoryChild) => sizeOf(one) - sizeOf(other),
  }[order.column]
  return [...children].sort((one, other) => rank(one) - rank(other) || sign * compare(one, other))
}

const heading = (order: PageOrder): string => {
  const cells = columns.map(({ column, title }) => {
    const current = order.column === column
    const descends = current && !order.descending
    const arrow = current ? ` <span aria-hidden="true">${order.descending ? '↓' : '↑'}</span>` : ''
    const sort = current ? ` aria-sort="${order.descending ? 'descending' : 'ascending'}"` : ''
    const side = column === 'S' ? ' class="right"' : ''
    return `<th scope="col"${side}${sort}><a href="?C=${column};O=${descends ? 'D' : 'A'}">${title}</a>${arrow}</th>`
  })
  return `<tr>${cells.join('')}<th scope="col" class="wide">SHA-256</th></tr>`
}

const row = (child: DirectoryChild): string => {
  const { name, content } = child
  const slash = child.kind === 'directory' ? '/' : ''
  const text = escapeMarkup(readablePath(name as RepoPath))
  const target =
    child.target === undefined
      ? ''
      : ` → <bdi>${escapeMarkup(readablePath(child.target as RepoPath))}</bdi>`
  const date = content === undefined ? '' : formatMinute(content.modifiedSeconds)
  const size =
    content === undefined
      ? ''
      : `<span title="${content.sizeBytes} bytes">${formatSize(content.sizeBytes)}</span>`
  const hash =
    content === undefined
      ? ''
      : `<code title="${content.sha256}">${content.sha256.slice(0, 12)}</code>`
  return (
    `<tr><td><a href="${escapeMarkup(name)}${slash}"><bdi>${text}</bdi>${slash}</a>${target}</td>` +
    `<td class="quiet">${date}</td><td class="right">${size}</td><td class="quiet wide">${hash}</td></tr>`
  )
}

/** Each folder on the way as a link; relative, so that it holds behind any prefix. */
const breadcrumb = (path: RepoPath): string => {
  const names = path === '' ? [] : path.split('/')
  const up = (levels: number): string => (levels === 0 ? './' : '../'.repeat(levels))
  const crumbs = names.map((name, index) => {
    const text = `<bdi>${escapeMarkup(readablePath(name as RepoPath))}</bdi>`
    const levels = names.length - 1 - index
    return levels === 0 ? `${text}/` : `<a href="${up(levels)}">${text}</a>/`
  })
  const root = names.length === 0 ? '/' : `<a href="${up(names.length)}">/</a>`
  return [root, ...crumbs].join(' ')
}

const summary = (page: DirectoryPage): string => {
  const folders = page.children.filter(child => child.kind === 'directory').length
  const files = page.children.length - folders
  const bytes = page.children.reduce((sum, child) => sum + Math.max(0, sizeOf(child)), 0)
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`
  const state = page.snapshot === null ? 'nothing is published yet' : `snapshot ${page.snapshot}`
  const some = page.more ? ' on this page' : ''
  return `${count(folders, 'folder')}, ${count(files, 'file')}, ${formatSize(bytes)}${some} · ${state}`
}

/**
 * The page as HTML. Links are relative and percent-encoded, so the URL of the page must end with a
 * slash. Hashes and sums are not linked: programs that mirror by following links would store them.
 */
export const renderDirectoryPage = (page: DirectoryPage): string => {
  const title = `/${page.path === '' ? '' : `${readablePath(page.path)}/`}`
  const parent =
    page.path === ''
      ? ''
      : '<tr><td><a href="../" aria-label="parent folder">../</a></td><td></td><td></td><td class="wide"></td></tr>\n'
  const rows = sorted(page.children, page.order).map(row)
  if (rows.length === 0)
    rows.push('<tr><td colspan="4" class="quiet">This folder is empty.</td></tr>')
  const last = page.children.at(-1)
  const { column, descending } = page.order
  const more =
    page.more && last !== undefined
      ? `<p><a href="?C=${column};O=${descending ? 'D' : 'A'};after=${escapeMarkup(last.name)}">` +
        `More, from <bdi>${escapeMarkup(readablePath(last.name as RepoPath))}</bdi> on</a></p>\n`
      : ''
  return renderPage(
    title,
    `<table>\n<thead>${heading(page.order)}</thead>\n<tbody>\n${parent}${rows.join('\n')}\n</tbody>\n` +
      `</table>\n${more}<footer>${summary(page)} · hashes of everything below: <code>?sha256</code>, ` +
      `checked by <code>sha256sum -c</code> · served by mirrorswarm</footer>\n`,
    breadcrumb(page.path),
  )
}

/**
 * The same for programs, as JSON text. Names are percent-encoded as in paths; `next` is the query of
 * the rest, null at the end.
 */
export const renderDirectoryJson = (page: DirectoryPage): string => {
  const last = page.children.at(-1)
  const { column, descending } = page.order
  const next =
    page.more && last !== undefined
      ? `?C=${column};O=${descending ? 'D' : 'A'};after=${last.name}`
      : null
  const entries = sorted(page.children, page.order).map(({ name, kind, content, target }) => ({
    name,
    kind,
    ...(content === undefined
      ? {}
      : {
          sizeBytes: content.sizeBytes,
          modified: isoTime(content.modifiedSeconds),
          sha256: content.sha256,
        }),
    ...(target === undefined ? {} : { target }),
  }))
  const path = page.path === '' ? '/' : `/${page.path}/`
  return `${JSON.stringify({ path, snapshot: page.snapshot, entries, next }, null, 1)}\n`
}
