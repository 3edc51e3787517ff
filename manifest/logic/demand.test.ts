import t from 'tap'
import type { RepoPath } from '../../core/ids.ts'
import { demandBy } from './demand.ts'

const path = (text: string): RepoPath => text as RepoPath

t.test('paths that the same scopes cover have the same key', t => {
  const demandOf = demandBy([
    { include: ['debian'], exclude: [] },
    { include: [], exclude: ['*.iso'] },
    { include: ['debian'], exclude: [] },
  ])
  t.equal(demandOf(path('debian/a.deb')), demandOf(path('debian/b.deb')))
  t.not(demandOf(path('debian/a.deb')), demandOf(path('fedora/a.rpm')))
  t.not(demandOf(path('debian/a.iso')), demandOf(path('debian/a.deb')))
  t.equal(demandOf(path('debian/a.deb')).length, 2, 'equal scopes count once')
  t.end()
})

t.test('one scope or none makes no difference between paths', t => {
  t.equal(demandBy([])(path('x')), demandBy([])(path('y')))
  const one = demandBy([{ include: ['a'], exclude: [] }])
  t.equal(one(path('a/x')), one(path('b/x')))
  t.end()
})

t.test('the order of the volunteers does not matter', t => {
  const a = { include: ['a'], exclude: [] }
  const b = { include: ['b'], exclude: [] }
  t.equal(demandBy([a, b])(path('a/x')), demandBy([b, a])(path('a/x')))
  t.end()
})
