import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { RepoPath } from '../../core/ids.ts'
import { TestRepository } from '../fixtures/test-repository.ts'
import { ManifestReader } from './reader.ts'

const published = async (t: Test, files: readonly string[], links: Record<string, string> = {}) => {
  const origin = new TestRepository(t.testdir())
  t.teardown(() => origin.close())
  for (const name of files) {
    const file = join(origin.root, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, name)
  }
  for (const [name, target] of Object.entries(links)) {
    mkdirSync(dirname(join(origin.root, name)), { recursive: true })
    symlinkSync(target, join(origin.root, name))
  }
  await origin.publish()
  return origin
}

const path = (text: string): RepoPath => text as RepoPath

t.test('symlinks are followed in every component, as the kernel does', async t => {
  const files = ['real/file', 'real/deep/er/file', 'other']
  const { reader } = await published(t, files, {
    link: 'real/file',
    folder: 'real/deep',
    'real/up': '..',
    again: 'folder/er/../../file',
    chain: 'link',
    loop: 'loop2',
    loop2: 'loop',
    dangling: 'nowhere/at/all',
    root: '.',
  })
  const resolve = (text: string): string => {
    const found = reader.resolve(path(text), 1)
    return 'path' in found ? `${found.kind} ${found.path}` : found.kind
  }
  t.equal(resolve('real/file'), 'file real/file')
  t.equal(resolve('link'), 'file real/file')
  t.equal(resolve('chain'), 'file real/file')
  t.equal(resolve('folder/er/file'), 'file real/deep/er/file')
  t.equal(resolve('folder'), 'directory real/deep')
  t.equal(resolve('again'), 'file real/file', '".." is taken from where the link led')
  t.equal(resolve('real/up/other'), 'file other')
  t.equal(resolve('root/root/root/link'), 'file real/file')
  t.equal(resolve('root'), 'directory ')
  t.equal(resolve('loop'), 'loop')
  t.equal(resolve('loop/x'), 'loop')
  for (const missing of ['dangling', 'nowhere', 'real/file/x', 'link/x', 'rea', 'real/fil']) {
    t.equal(resolve(missing), 'missing', missing)
  }
  t.equal(reader.resolve(path('real/file'), 2).kind, 'file', 'a later number sees what is live')
  t.equal(reader.resolve(path('real/file'), 0).kind, 'missing')
})

t.test('a folder’s children are listed page by page, whatever lies below them', async t => {
  const names = ['a', 'a-b/x', 'a.b', 'b/c/d', 'b/e', 'b-', 'b0', 'z z']
  const { reader } = await published(t, names, { link: 'a' })
  const list = (folder: string, limit: number, after?: string) =>
    reader
      .list(path(folder), 1, after === undefined ? { limit } : { limit, after })
      .map(child => `${child.name}:${child.kind}`)
  const all = [
    ...['a:file', 'a-b:directory', 'a.b:file', 'b-:file', 'b:directory', 'b0:file'],
    ...['link:link', 'z%20z:file'],
  ]
  t.same(list('', 100), all)
  for (const limit of [1, 2, 3]) {
    const pages: string[] = []
    for (;;) {
      const page = list('', limit, pages.at(-1)?.replace(/:.*/, ''))
      if (page.length === 0) break
      pages.push(...page)
    }
    t.same(pages, all, `${limit} at a time`)
  }
  t.same(list('b', 100), ['c:directory', 'e:file'])
  t.same(list('a', 100), [])
  const [link] = reader.list(path(''), 1, { limit: 1, after: 'b0' })
  t.equal(link?.target, 'a')
  const [file] = reader.list(path('b'), 1, { limit: 1, after: 'c' })
  t.equal(file?.content?.sizeBytes, 3)
})

t.test('listing agrees with the entries for any tree', async t => {
  const name = fc.array(fc.constantFrom('a', 'a-', 'a0', 'b', '%'), { minLength: 1, maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(name, { maxLength: 8, selector: x => x.join('/') }),
      async parts => {
        const paths = parts.map(each => each.join('/'))
        const files = paths.filter(one => !paths.some(other => other.startsWith(`${one}/`)))
        await t.test('a tree', async t => {
          const { reader } = await published(t, files)
          const entries = reader.entries(1, { limit: 100 }).map(entry => entry.path)
          const walked: string[] = []
          const walk = (folder: string): void => {
            for (const child of reader.list(path(folder), 1, { limit: 100 })) {
              const below = folder === '' ? child.name : `${folder}/${child.name}`
              if (child.kind === 'directory') walk(below)
              else walked.push(below)
            }
          }
          walk('')
          t.same(walked, entries)
          t.equal(entries.length, files.length)
        })
      },
    ),
    { numRuns: 8 },
  )
})

t.test('entries come in pages, all or below a folder', async t => {
  const { reader } = await published(t, ['a', 'b/1', 'b/2', 'b/c/3', 'b0', 'b-'])
  const paths = (options: Parameters<ManifestReader['entries']>[1]) =>
    reader.entries(1, options).map(entry => entry.path)
  t.same(paths({ limit: 2 }), ['a', 'b-'])
  t.same(paths({ limit: 2, after: path('b-') }), ['b/1', 'b/2'])
  t.same(paths({ limit: 10, prefix: path('b') }), ['b/1', 'b/2', 'b/c/3'])
  t.same(paths({ limit: 10, prefix: path('b'), after: path('b/2') }), ['b/c/3'])
  t.same(paths({ limit: 10, prefix: path('b'), after: path('a') }), ['b/1', 'b/2', 'b/c/3'])
  t.same(paths({ limit: 10, prefix: path('nowhere') }), [])
})

t.test('old snapshots answer as they did', async t => {
  const origin = await published(t, ['d/a', 'd/b', 'e'])
  const { reader } = origin
  rmSync(join(origin.root, 'd'), { recursive: true })
  writeFileSync(join(origin.root, 'd'), 'now a file')
  await origin.publish({ allowShrink: true })
  t.equal(reader.resolve(path('d'), 1).kind, 'directory')
  t.equal(reader.resolve(path('d'), 2).kind, 'file')
  t.same(
    reader.list(path(''), 1, { limit: 9 }).map(child => child.kind),
    ['directory', 'file'],
  )
  t.same([...reader.contentsOf(1)], [0, 1, 2])
  t.same([...reader.contentsOf(2)], [2, 3])
  t.same(
    reader.snapshots().map(each => each.number),
    [1, 2],
  )
  t.match(reader.snapshot(1), { files: 3 })
  t.equal(reader.snapshot(3), null)
})

t.test('a reader cannot write, and does not take another program’s file for its own', async t => {
  const folder = t.testdir({ 'text.db': 'this is not a database, it is a text of some length' })
  const file = join(folder, 'manifest.db')
  const reader = ManifestReader.open(file)
  t.equal(reader.identity(), null)
  t.equal(reader.latest(), null)
  t.equal(reader.headParts(), null)
  t.equal(reader.contentCount(), 0)
  reader.close()
  const newer = new DatabaseSync(file)
  newer.exec('PRAGMA user_version = 99')
  newer.close()
  t.throws(() => ManifestReader.open(file), { code: 'MS_DATA_CORRUPT' })
  t.throws(() => ManifestReader.open(join(folder, 'text.db')), { code: 'MS_DATA_CORRUPT' })
})

t.test('what ended is read in parts, by the index, and nothing else is', async t => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const origin = await published(t, [...names, 'kept'], { link: 'a' })
  for (const name of ['a', 'link', 'e']) rmSync(join(origin.root, name))
  await origin.publish({ allowShrink: true })
  writeFileSync(join(origin.root, 'b'), 'changed')
  rmSync(join(origin.root, 'c'))
  await origin.publish({ allowShrink: true })
  const { reader } = origin
  const from = { snapshot: 2, path: '' } as const
  const all = reader.endedAfter(from, 100)
  t.strictSame(
    all.map(each => `${each.snapshot} ${each.path}`),
    ['2 a', '2 e', '2 link', '3 b', '3 c'],
  )
  t.strictSame(
    all.map(({ content }) => content === null),
    [false, false, true, false, false],
  )
  for (let most = 1; most < 6; most++) {
    const read = []
    let part = reader.endedAfter(from, most)
    while (part.length > 0) {
      read.push(...part)
      part = reader.endedAfter(part.at(-1) ?? from, most)
    }
    t.strictSame(read, all)
  }
  t.equal(reader.endedAfter({ snapshot: 4, path: '' }, 9).length, 0)
  const file = new DatabaseSync(join(origin.dataDir, 'manifest.db'))
  const plan = file
    .prepare(
      `EXPLAIN QUERY PLAN SELECT to_snapshot, path, content FROM entries
       WHERE to_snapshot >= ?1 AND (to_snapshot, path) > (?1, ?2)
       ORDER BY to_snapshot, path LIMIT ?3`,
    )
    .all()
  file.close()
  t.match(
    plan.map(row => row.detail),
    [/SEARCH entries USING INDEX entries_ended/],
  )
  t.equal(plan.length, 1, 'and nothing is sorted')
})
