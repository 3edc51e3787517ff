import fc from 'fast-check'
import t from 'tap'
import type { RepoPath } from '../../core/ids.ts'
import { neverRedirected } from './keep-at-origin.ts'
import { matchPaths } from './path-pattern.ts'

/** What the patterns mean, said once more without any shortcut; for characters that need no escape. */
const plainly = (patterns: readonly string[], path: string): boolean =>
  patterns.some(pattern => {
    const text = pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]*').replaceAll('?', '[^/]')
    return new RegExp(`(?:^|/)${text}$`).test(path)
  })

t.test('a path fits exactly the patterns that it fits by their meaning', t => {
  const text = (letters: string) =>
    fc.array(fc.constantFrom(...letters), { minLength: 1, maxLength: 7 }).map(all => all.join(''))
  fc.assert(
    fc.property(fc.array(text('ab.*?/'), { maxLength: 4 }), text('ab./'), (patterns, path) => {
      t.equal(
        matchPaths(patterns)(path as RepoPath),
        plainly(patterns, path),
        `${patterns} ${path}`,
      )
    }),
  )
  t.end()
})

t.test('the names that are kept at the origin are found among those of packages', t => {
  const names = [
    ...[
      'pool/main/a/a_1.0-1_amd64.deb',
      'dists/x/InRelease',
      'a.diff/Index',
      'x.db',
      'x.db.tar.gz',
    ],
    ...[
      'media.1/products',
      'y/media.1/z',
      'media.1',
      'Packages.xz',
      'Packages-x',
      'content',
      'a/tents',
    ],
    ...[
      'Contents-amd64.gz',
      'icons-64x64.tar.gz',
      'repomd.xml.key',
      'repodata/x',
      'b/SHA256SUMS.gpg',
    ],
    ...['', 'a', 'Release', 'a.Release', 'x/Translation-de.bz2', 'sha256sum-x.txt', 'Packages.'],
  ]
  const matches = matchPaths(neverRedirected)
  for (const name of names) t.equal(matches(name as RepoPath), plainly(neverRedirected, name), name)
  t.equal(matchPaths(['a b*'])('x/a%20bc' as RepoPath), true, 'patterns are encoded as paths are')
  t.equal(matchPaths(['?x'])('%20x' as RepoPath), true, 'one byte, however it is written')
  t.equal(matchPaths([])('x' as RepoPath), false)
  t.end()
})
