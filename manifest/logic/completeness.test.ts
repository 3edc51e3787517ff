import t from 'tap'
import type { Sha256 } from '../../core/ids.ts'
import type { NamedFile } from '../formats/named-file.ts'
import { findMissing, type Lookup, type Presence } from './completeness.ts'

const named = (path: string, sizeBytes = 10): NamedFile => ({
  path,
  sizeBytes,
  sha256: 'x' as Sha256,
})

const lookup = (now: Record<string, Presence>, before: string[] = []): Lookup => ({
  now: file => now[file.path] ?? 'absent',
  existedBefore: path => before.includes(path),
})

const young = { before: null, ageMs: 0 }
const amd64 = 'main/binary-amd64/Packages'

t.test('an index with all its files is complete', async t => {
  const files = [named(amd64), named(`${amd64}.gz`), named(`${amd64}.xz`)]
  const all: Record<string, Presence> = Object.fromEntries(files.map(file => [file.path, 'right']))
  t.equal(findMissing({ named: files, ...young }, lookup(all), 1000), null)
  const one = lookup({ [`${amd64}.xz`]: 'right' })
  t.equal(findMissing({ named: files, ...young }, one, 1000), null, 'one compressed form is enough')
})

t.test('a file with another hash is waited for, however old the index is', async t => {
  const index = { named: [named(amd64), named(`${amd64}.gz`)], before: null, ageMs: 1e9 }
  t.same(findMissing(index, lookup({ [amd64]: 'right', [`${amd64}.gz`]: 'other' }), 1000), {
    path: `${amd64}.gz`,
    presence: 'other',
  })
})

t.test('an absent file is waited for only for a while', async t => {
  const index = { named: [named(amd64)], before: null }
  t.same(findMissing({ ...index, ageMs: 999 }, lookup({}), 1000), {
    path: amd64,
    presence: 'absent',
  })
  t.equal(findMissing({ ...index, ageMs: 1000 }, lookup({}), 1000), null)
})

t.test('what was left out before is not waited for, what was there is', async t => {
  const index = { named: [named(amd64)], before: [named(amd64)], ageMs: 0 }
  t.equal(findMissing(index, lookup({}), 1000), null)
  t.ok(findMissing(index, lookup({}, [amd64]), 1000))
  t.ok(findMissing({ ...index, before: [named('other')] }, lookup({}), 1000), 'a new name')
  const changedForm = { ...index, before: [named(`${amd64}.gz`)] }
  t.equal(findMissing(changedForm, lookup({}), 1000), null, 'the same file, compressed otherwise')
})

t.test('empty indexes and a Release that names itself are not waited for', async t => {
  const index = { named: [named(amd64, 0), named('Release'), named('InRelease')], ...young }
  t.equal(findMissing(index, lookup({ Release: 'other' }), 1000), null)
})
