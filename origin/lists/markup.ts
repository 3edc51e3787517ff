// Text into HTML and XML, and the frame that all HTML pages of the origin share. Pages work without
// scripts and load nothing.

import type { RepoPath } from '../../core/ids.ts'
import { displayPath } from '../../core/repo-path.ts'

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** What XML 1.0 cannot hold, escaped or not (section 2.2), and lone surrogates. */
const unfitForXml =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/u

/** For text and quoted attributes, in HTML and XML alike. */
export const escapeMarkup = (text: string): string =>
  text.replace(/[&<>"']/g, char => entities[char] ?? char)

/** A path for people: decoded where it is UTF-8 that XML can hold, else percent-encoded. */
export const readablePath = (path: RepoPath): string => {
  const text = displayPath(path)
  return unfitForXml.test(text) ? path : text
}

/** 9999-12-31T23:59:59Z: later times, which some disks can hold, are shown as this one. */
const lastSecond = 253_402_300_799

/** "2026-01-31T08:05:09Z" (RFC 3339); times before 1970 count as its beginning. */
export const isoTime = (seconds: number): string => {
  const date = new Date(Math.min(Math.max(seconds, 0), lastSecond) * 1000)
  return `${date.toISOString().slice(0, 19)}Z`
}

/** "2026-01-31 08:05" in UTC. */
export const formatMinute = (seconds: number): string =>
  isoTime(seconds).slice(0, 16).replace('T', ' ')

/** The headers of a page made by `renderPage`. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}

const style = `:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}
h1{font-size:1.25rem;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}
thead th{position:sticky;top:0;background:Canvas;white-space:nowrap}
th{text-align:left;font-weight:600;border-bottom:1px solid #8888}
th,td{padding:.15rem .75rem .15rem 0;vertical-align:top}
td:first-child{overflow-wrap:anywhere}
tbody tr:hover,tbody tr:focus-within{background:#8882}
.right{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.quiet{white-space:nowrap;opacity:.75;font-variant-numeric:tabular-nums}
code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}
a{text-decoration:none}a:hover{text-decoration:underline}
footer{margin-top:1.5rem;border-top:1px solid #8888;padding-top:.5rem;opacity:.75}
@media (max-width:45rem){body{margin:.75rem auto}.wide{display:none}td,th{padding:.35rem .5rem .35rem 0}td.quiet,thead th{white-space:normal}td.quiet{font-size:.85em}}`

/**
 * A whole page around `body`, which is markup already; `title` is text, `heading` markup that stands
 * in its place on the page.
 */
export const renderPage = (
  title: string,
  body: string,
  heading = `<bdi>${escapeMarkup(title)}</bdi>`,
): string => `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeMarkup(title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${heading}</h1>
${body}</body>
</html>
`
