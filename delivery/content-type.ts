// Content types by name, as mirrors send them. Compressed files are what they are: a
// Content-Encoding would make clients unpack what they want to verify as it is.

import type { RepoPath } from '../core/ids.ts'
import { baseName } from '../core/repo-path.ts'

export const defaultContentType = 'application/octet-stream'

const plainText = 'text/plain; charset=utf-8'

const byExtension: ReadonlyMap<string, string> = new Map([
  ['deb', 'application/vnd.debian.binary-package'],
  ['udeb', 'application/vnd.debian.binary-package'],
  ['ddeb', 'application/vnd.debian.binary-package'],
  ['rpm', 'application/x-rpm'],
  ['drpm', 'application/x-rpm'],
  ['iso', 'application/x-iso9660-image'],
  ['img', 'application/octet-stream'],
  ['tar', 'application/x-tar'],
  ['gz', 'application/gzip'],
  ['tgz', 'application/gzip'],
  ['bz2', 'application/x-bzip2'],
  ['xz', 'application/x-xz'],
  ['txz', 'application/x-xz'],
  ['zst', 'application/zstd'],
  ['zip', 'application/zip'],
  ['json', 'application/json'],
  ['yaml', 'application/yaml'],
  ['yml', 'application/yaml'],
  ['xml', 'application/xml'],
  ['html', 'text/html; charset=utf-8'],
  ['htm', 'text/html; charset=utf-8'],
  ['css', 'text/css; charset=utf-8'],
  ['js', 'text/javascript; charset=utf-8'],
  ['svg', 'image/svg+xml'],
  ['png', 'image/png'],
  ['jpg', 'image/jpeg'],
  ['jpeg', 'image/jpeg'],
  ['gif', 'image/gif'],
  ['ico', 'image/vnd.microsoft.icon'],
  ['pdf', 'application/pdf'],
  ['txt', plainText],
  ['md', plainText],
  ['log', plainText],
  ['asc', plainText],
  ['dsc', plainText],
  ['changes', plainText],
  ['buildinfo', plainText],
  ['md5', plainText],
  ['sha1', plainText],
  ['sha256', plainText],
  ['sha512', plainText],
  ['repo', plainText],
  ['list', plainText],
  ['sources', plainText],
  ['sig', 'application/pgp-signature'],
  ['gpg', 'application/pgp-keys'],
  ['torrent', 'application/x-bittorrent'],
  ['zsync', 'application/x-zsync'],
  ['meta4', 'application/metalink4+xml'],
  ['metalink', 'application/metalink+xml'],
])

/** Well-known names without an extension that people like to read in a browser. */
const readableNames = new Set(
  (
    'release inrelease packages sources index readme changelog license copying copyright news ' +
    'checksum checksums md5sums sha1sums sha256sums sha512sums treeinfo .treeinfo'
  ).split(' '),
)

/** The Content-Type of a path; decided by its name alone, never by its bytes. */
export const contentTypeOf = (path: RepoPath): string => {
  const name = baseName(path).toLowerCase()
  if (readableNames.has(name)) return plainText
  const dot = name.lastIndexOf('.')
  return (dot < 1 ? undefined : byExtension.get(name.slice(dot + 1))) ?? defaultContentType
}
