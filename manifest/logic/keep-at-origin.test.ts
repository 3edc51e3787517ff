import t from 'tap'
import type { RepoPath } from '../../core/ids.ts'
import { keptLargestBytes } from '../../core/limits.ts'
import { keepAtOrigin, keepAtOriginBy } from './keep-at-origin.ts'

const large = 100_000
const keeps = (path: string): boolean => keepAtOrigin(path as RepoPath, large)

t.test('names that clients read without knowing a hash are kept', async t => {
  for (const path of [
    ...['dists/x/InRelease', 'dists/x/Release', 'dists/x/Release.gpg', 'InRelease'],
    ...['dists/x/main/binary-amd64/Packages', 'dists/x/main/binary-amd64/Packages.xz'],
    ...['dists/x/main/Contents-amd64.gz', 'dists/x/main/i18n/Translation-de.bz2'],
    ...['dists/x/main/binary-amd64/Packages.diff/Index', 'el9/repodata/repomd.xml'],
    ...['el9/repodata/repomd.xml.asc', 'core/os/x86_64/core.db', 'core/os/x86_64/core.db.tar.gz'],
    ...['alpine/APKINDEX.tar.gz', 'media.1/products', 'iso/SHA256SUMS', 'iso/SHA256SUMS.gpg'],
    ...['Fedora-40-x86_64-CHECKSUM', 'pool/a.dsc.asc', 'x.iso.sha256', 'x.torrent'],
  ]) {
    t.equal(keeps(path), true, path)
  }
})

t.test('names that carry a hash or a version may go to volunteers', async t => {
  for (const path of [
    ...['pool/main/a/a_1_amd64.deb', 'dists/x/main/binary-amd64/by-hash/SHA256/abc'],
    ...['el9/repodata/abc-primary.xml.gz', 'el9/Packages/a-1.x86_64.rpm', 'iso/debian.iso'],
    ...['dists/x/OldRelease', 'dists/x/Releases', 'pool/contents.txt', 'media.1x/products'],
    ...['InRelease/file.deb', 'core/os/x86_64/core.dbx'],
  ]) {
    t.equal(keeps(path), false, path)
  }
})

t.test('small files are kept whatever their name, huge ones are not', async t => {
  t.equal(keepAtOrigin('pool/a.deb' as RepoPath, 4095), true)
  t.equal(keepAtOrigin('pool/a.deb' as RepoPath, 4096), false)
  t.equal(keepAtOrigin('a.db' as RepoPath, keptLargestBytes), true)
  t.equal(keepAtOrigin('a.db' as RepoPath, keptLargestBytes + 1), false)
})

t.test('the patterns of an operator are compared with encoded names', async t => {
  const keep = keepAtOriginBy(['a b?.x+', 'latest/*'])
  const kept = (path: string): boolean => keep(path as RepoPath, large)
  t.equal(kept('sub/a%20b1.x%2B'), true)
  t.equal(kept('sub/a%20b%FF.x%2B'), true, '"?" is one byte')
  t.equal(kept('sub/a%20bcd.x%2B'), false)
  t.equal(kept('sub/a%20b1yx%2B'), false, 'a dot is a dot')
  t.equal(kept('iso/latest/x.iso'), true)
  t.equal(kept('iso/latest/deeper/x.iso'), false)
  t.equal(keepAtOriginBy([])('InRelease' as RepoPath, large), false)
})
