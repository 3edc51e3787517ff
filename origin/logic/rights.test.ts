import fc from 'fast-check'
import t from 'tap'
import type { RepoPath } from '../../core/ids.ts'
import { allRights, mayEnter, mayRead, parseRights, type Rights, rightsKey } from './rights.ts'

const path = (text: string): RepoPath => text as RepoPath
const rights = (...paths: string[]): Rights => parseRights(paths) as Rights

t.test('rights are by whole names', async t => {
  const some = rights('/pool/main/', 'dists', 'a b')
  for (const good of ['pool/main', 'pool/main/a', 'dists/x/y', 'a%20b/c']) {
    t.ok(mayRead(some, path(good)), good)
  }
  for (const bad of ['', 'pool', 'pool/mainline', 'pool/contrib/a', 'dist', 'xdists/a', 'a']) {
    t.notOk(mayRead(some, path(bad)), bad)
  }
  for (const way of ['', 'pool', 'pool/main', 'pool/main/deep']) {
    t.ok(mayEnter(some, path(way)), way)
  }
  for (const off of ['pool/contrib', 'poo', 'pool/m', 'other']) {
    t.notOk(mayEnter(some, path(off)), off)
  }
})

t.test('no path, and the root, mean everything; what is no path is refused', async t => {
  t.same(rights(), allRights)
  t.same(rights('/'), allRights)
  t.same(rights('pool', ''), allRights)
  t.equal(parseRights(['pool', '../etc']), null)
  t.equal(parseRights(['pool%2Fmain']), null)
  t.equal(rightsKey(rights('b', 'a', 'b')), rightsKey(rights('a', '/b/')))
  t.not(rightsKey(rights('b')), rightsKey(allRights))
})

t.test('whoever may read may enter, on the whole way there', async () => {
  const name = fc.constantFrom('a', 'b', 'ab', 'c')
  const paths = fc.array(name, { minLength: 1, maxLength: 4 }).map(names => names.join('/'))
  fc.assert(
    fc.property(fc.array(paths, { minLength: 1, maxLength: 3 }), paths, (prefixes, asked) => {
      const some = rights(...prefixes)
      if (!mayRead(some, path(asked))) return true
      const names = asked.split('/')
      return names.every((_name, count) => mayEnter(some, path(names.slice(0, count).join('/'))))
    }),
  )
})
