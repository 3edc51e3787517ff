// The origin's public URL, which may carry a path prefix, and the parts of a request's target.
// Targets are the text of the request line: paths are bytes and need not be UTF-8.

/** A request target split at the first "?"; `raw` is the path with the public prefix removed. */
export interface Target {
  readonly raw: string
  readonly query: string
}

/** The path prefix of a public URL without trailing slash: '' or '/mirror'. */
export const prefixOf = (publicUrl: string | null): string => {
  if (publicUrl === null) return ''
  const path = new URL(publicUrl).pathname
  return path.endsWith('/') ? path.slice(0, -1) : path
}

/** The target as the repository sees it: absolute form and public prefix removed. */
export const splitTarget = (target: string, prefix: string): Target => {
  const origin = /^https?:\/\/[^/?]*/i.exec(target)
  const relative = origin === null ? target : target.slice(origin[0].length) || '/'
  const mark = relative.indexOf('?')
  const path = mark < 0 ? relative : relative.slice(0, mark)
  const query = mark < 0 ? '' : relative.slice(mark + 1)
  const inside = prefix !== '' && (path === prefix || path.startsWith(`${prefix}/`))
  return { raw: inside ? path.slice(prefix.length) || '/' : path, query }
}

/** True for the origin's own address space, which no repository path may use. */
export const isOwnTarget = (raw: string): boolean => raw === '/-' || raw.startsWith('/-/')

const hostForm = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/

/** The URL for links, without trailing slash: the public one, else what the client used. */
export const baseUrl = (
  publicUrl: string | null,
  request: { readonly https: boolean; readonly host: string | undefined; readonly local: string },
): string => {
  if (publicUrl !== null) return publicUrl.endsWith('/') ? publicUrl.slice(0, -1) : publicUrl
  const scheme = request.https ? 'https' : 'http'
  const { host, local } = request
  if (host === undefined || !hostForm.test(host)) return `${scheme}://${local}`
  // wget2 1.99 leaves the port out. Of a name that may be right (a proxy, a forwarded port); of the
  // very address that answers, the port that answers is right too.
  const isPortMissing =
    local.startsWith(`${host}:`) && !local.endsWith(request.https ? ':443' : ':80')
  return `${scheme}://${isPortMissing ? local : host}`
}
