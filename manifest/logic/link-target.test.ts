import { join } from 'node:path/posix'
import fc from 'fast-check'
import t from 'tap'
import type { RepoPath } from '../../core/ids.ts'
import { canonicalTarget, isCanonicalTarget } from './link-target.ts'

const target = (path: string, raw: string): string | null =>
  canonicalTarget(path as RepoPath, Buffer.from(raw), ['/srv/re po', '/mnt/link'])

t.test('targets inside the tree become canonical text', async t => {
  t.equal(target('a', 'b'), 'b')
  t.equal(target('a', './b//c/'), 'b/c')
  t.equal(target('dists/stable', 'book worm'), 'book%20worm')
  t.equal(target('a/b/c', '../../x'), '../../x')
  t.equal(target('a', '.'), '.')
  t.equal(target('a/b', '..'), '..')
  t.equal(target('a', '%41'), '%2541')
})

t.test('absolute targets below the root become relative', async t => {
  t.equal(target('a/b', '/srv/re po/a/c'), 'c')
  t.equal(target('a/b', '/srv/re po/x/y'), '../x/y')
  t.equal(target('a/b', '/mnt/link/x'), '../x')
  t.equal(target('a/b', '/srv/re po'), '..')
  t.equal(target('b', '/srv/re po/'), '.')
})

t.test('targets that lead out are refused', async t => {
  for (const [path, raw] of [
    ['a', '..'],
    ['a/b', '../..'],
    ['a/b', '../../a'],
    ['a', 'x/../../y'],
    ['a', '/etc/passwd'],
    ['a', '/srv/re pox/a'],
    ['a', '/srv/re po/../x'],
  ] as const) {
    t.equal(target(path, raw), null, `${path} -> ${raw}`)
  }
})

const segment = fc.constantFrom('..', '.', 'a', 'b c', '\u00e4', '%', '')
const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 })

t.test('a canonical target leads where the kernel would be led, and is recognised', async () => {
  fc.assert(
    fc.property(path, fc.array(segment, { minLength: 1, maxLength: 6 }), (names, segments) => {
      const link = names.join('/') as RepoPath
      const raw = segments.join('/')
      if (raw === '' || raw.startsWith('/')) return true
      const found = canonicalTarget(link, Buffer.from(raw), [])
      const reached = join('/root', ...names.slice(0, -1), raw).replace(/\/$/, '')
      if (found === null) return true
      const again = join('/root', ...names.slice(0, -1), decodeURIComponent(found))
      return isCanonicalTarget(link, found) && again.replace(/\/$/, '') === reached
    }),
  )
})

t.test('text that no scan can have made is not canonical', async t => {
  for (const text of [
    '',
    '/a',
    'a/',
    'a//b',
    './a',
    'a b',
    '%41',
    '%zz',
    '..',
    'a/../..',
    '%2F',
    '%00',
  ]) {
    t.equal(isCanonicalTarget('link' as RepoPath, text), false, JSON.stringify(text))
  }
})
