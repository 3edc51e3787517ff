// A directory page for the department's own machines, made from the manifest. Pure text; what is
// linked may turn out to be served by the origin.

import type { RepoPath } from '../core/ids.ts'
import { displayPath } from '../core/repo-path.ts'
import type { DirectoryChild } from '../manifest/store/reader.ts'

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}

const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, char => escapes[char] ?? char)

const row = (child: DirectoryChild): string => {
  const slash = child.kind === 'directory' ? '/' : ''
  const name = escapeHtml(displayPath(child.name as RepoPath)) + slash
  const size = child.content === undefined ? '' : String(child.content.sizeBytes)
  const time =
    child.content === undefined
      ? ''
      : new Date(child.content.modifiedSeconds * 1000).toISOString().slice(0, 19).replace('T', ' ')
  // "./" keeps a name with ":" from being taken for a scheme.
  return `<tr><td><a href="./${child.name}${slash}">${name}</a><td>${time}<td align="right">${size}`
}

/** The HTML page of a folder; `complete` is false when there are more children. */
export const folderPage = (
  path: RepoPath,
  children: readonly DirectoryChild[],
  complete: boolean,
): string => {
  const title = `/${escapeHtml(displayPath(path))}`
  const up = path === '' ? '' : '<tr><td><a href="../">../</a><td><td>\n'
  const more = complete ? '' : '<p>There are more; this page ends here.\n'
  return `<!DOCTYPE html>
<meta charset="utf-8">
<title>${title}</title>
<h1>${title}</h1>
<table>
<tr><th align="left">Name<th align="left">Modified<th align="right">Size
${up}${children.map(row).join('\n')}
</table>
${more}`
}
