import t from 'tap'
import type { RepoPath } from '../../core/ids.ts'
import { pathFromBytes } from '../../core/repo-path.ts'
import { compileScope, type ScopePatterns } from './scope.ts'

const scope = (patterns: Partial<ScopePatterns>) => {
  const covers = compileScope({ include: [], exclude: [], dataFolder: null, ...patterns })
  return (path: string): boolean => covers(pathFromBytes(Buffer.from(path)))
}

t.test('without patterns everything is covered but names of this program', async t => {
  const covers = scope({})
  t.ok(covers('pool/main/a/apt_1.deb'))
  t.ok(covers('.treeinfo'))
  t.notOk(covers(''))
  t.notOk(covers('.mirrorswarm-0123456789abcdef'))
  t.notOk(covers('pool/.mirrorswarm-x/file'))
})

t.test('a pattern without a slash means that name in any folder, and all below it', async t => {
  const covers = scope({ exclude: ['*.iso', 'source'] })
  t.notOk(covers('images/disk.iso'))
  t.notOk(covers('disk.iso'))
  t.notOk(covers('dists/stable/main/source/Sources'))
  t.ok(covers('images/disk.iso.sha256'))
  t.ok(covers('sources/x'))
})

t.test(
  'a pattern with a slash is anchored and covers the folder with everything below',
  async t => {
    const covers = scope({ include: ['pool/main', '/ls-lR'] })
    t.ok(covers('pool/main/x/.hidden/y'))
    t.ok(covers('pool/main'))
    t.ok(covers('ls-lR'))
    t.notOk(covers('a/pool/main/x'))
    t.notOk(covers('pool/contrib/x'))
    t.notOk(covers('old/ls-lR'))
  },
)

t.test('exclusion wins over inclusion and globs see dot files', async t => {
  const covers = scope({ include: ['**/*.deb', '.well-known/**'], exclude: ['**/*-dbg_*'] })
  t.ok(covers('pool/a_1_amd64.deb'))
  t.ok(covers('.well-known/x'))
  t.notOk(covers('pool/a-dbg_1_amd64.deb'))
  t.notOk(covers('Release'))
})

t.test('patterns are matched against decoded names, Latin-1 where they are not UTF-8', async t => {
  const covers = scope({ include: ['Fotos/Übersicht*', '*+b1*'] })
  t.ok(covers('Fotos/Übersicht 1'))
  t.ok(covers('pool/x_1+b1_all.deb'))
  const bytes = compileScope({ include: ['a*z'], exclude: [], dataFolder: null })
  t.ok(bytes(pathFromBytes(Buffer.from([0x61, 0xff, 0x7a]))))
})

t.test('a pattern of nothing but slashes means everything', async t => {
  t.ok(scope({ include: ['/'] })('a/b'))
})

t.test('the data folder inside the mirror is never mirrored', async t => {
  const covers = scope({ dataFolder: 'var/data' as RepoPath })
  t.notOk(covers('var/data'))
  t.notOk(covers('var/data/held.db'))
  t.ok(covers('var/database'))
})
