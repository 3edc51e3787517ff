import t from 'tap'
import type { RepoPath } from '../core/ids.ts'
import { contentTypeOf } from './content-type.ts'

t.test('the name decides, in any case, and unknown names are bytes', async t => {
  const table: [string, string][] = [
    ['pool/a_1.0.deb', 'application/vnd.debian.binary-package'],
    ['x/A.RPM', 'application/x-rpm'],
    ['repodata/ab-primary.xml.gz', 'application/gzip'],
    ['Packages.xz', 'application/x-xz'],
    ['dists/stable/InRelease', 'text/plain; charset=utf-8'],
    ['SHA256SUMS', 'text/plain; charset=utf-8'],
    ['index.html', 'text/html; charset=utf-8'],
    ['a.b/c', 'application/octet-stream'],
    ['.gz', 'application/octet-stream'],
    ['x.', 'application/octet-stream'],
    ['x.constructor', 'application/octet-stream'],
    ['', 'application/octet-stream'],
  ]
  for (const [path, type] of table) t.equal(contentTypeOf(path as RepoPath), type, path)
})
