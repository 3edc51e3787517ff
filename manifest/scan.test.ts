import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { type ScannedEntry, scanTree } from './scan.ts'

const scan = (root: string): { entries: ScannedEntry[]; refused: string[] } => {
  const refused: string[] = []
  const entries = [...scanTree(root, { onRefused: path => refused.push(path) })]
  return { entries, refused }
}

const pathsIn = (root: string): string[] => scan(root).entries.map(entry => entry.path)

t.test('entries come in the order of their whole paths', async t => {
  const root = t.testdir({
    a: { x: '', 'b.c': '' },
    'a-b': { y: '' },
    'a.deb': '',
    'a b': '',
    a0: { z: '' },
    A: '',
    aa: { '-': '' },
  })
  const expected = ['A', 'a%20b', 'a-b/y', 'a.deb', 'a/b.c', 'a/x', 'a0/z', 'aa/-']
  t.same(pathsIn(root), expected)
  const nameArbitrary = fc
    .stringMatching(/^[-. a0%+/]{1,6}$/)
    .filter(name => !/^\/|\/$|\/\/|(?:^|\/)\.{1,2}(?:\/|$)/.test(name) && !/^-(?:$|\/)/.test(name))
  const tree = join(root, 'random')
  fc.assert(
    fc.property(fc.uniqueArray(nameArbitrary, { maxLength: 12 }), names => {
      mkdirSync(tree, { recursive: true })
      for (const name of names) {
        try {
          mkdirSync(join(tree, name, '..'), { recursive: true })
          writeFileSync(join(tree, name), '')
        } catch {
          // A name that is a folder already, or below a file: another name of the tree.
        }
      }
      const paths = pathsIn(tree)
      rmSync(tree, { recursive: true })
      return paths.every((path, index) => index === 0 || (paths[index - 1] ?? '') < path)
    }),
    { numRuns: 50 },
  )
})

t.test('a file has its times and inode in full', async t => {
  const root = t.testdir({ a: 'abc' })
  const [entry] = scan(root).entries
  const [size, inode] = execFileSync('stat', ['-c', '%s %i', join(root, 'a')], { encoding: 'utf8' })
    .trim()
    .split(' ')
  t.match(entry, { kind: 'file', path: 'a', sizeBytes: Number(size), inode: BigInt(inode ?? 0) })
  t.type(entry?.kind === 'file' && entry.modifiedNs, 'bigint')
})

t.test('links stay links, and none leads out, not even by a detour', async t => {
  const folder = t.testdir({ outside: 'secret', tree: { z: {}, t: { inside: '' }, real: '' } })
  const root = join(folder, 'tree')
  const link = (path: string, target: string) => symlinkSync(target, join(root, path))
  link('good', 'real')
  link('dangling', 'nowhere')
  link('loop', 'loop')
  link('absolute', join(root, 't/inside'))
  link('folder', 't')
  link('z/up', '../real')
  link('out', '../outside')
  link('out-absolute', join(folder, 'outside'))
  // Lexically inside; but "z/n" is the folder "t", from which "../.." is above the root.
  link('z/n', '../t')
  link('z/m', 'n/../../outside')
  const { entries, refused } = scan(root)
  t.same(refused, ['out', 'out-absolute', 'z/m'])
  t.same(
    entries.filter(entry => entry.kind === 'link').map(entry => [entry.path, entry.target]),
    [
      ['absolute', 't/inside'],
      ['dangling', 'nowhere'],
      ['folder', 't'],
      ['good', 'real'],
      ['loop', 'loop'],
      ['z/n', '../t'],
      ['z/up', '../real'],
    ],
  )
  t.notOk(
    entries.some(entry => entry.path.startsWith('folder/')),
    'links are not walked into',
  )
})

t.test('a root that is itself a link is followed', async t => {
  const folder = t.testdir({ real: { a: 'a' } })
  symlinkSync('real', join(folder, 'root'))
  symlinkSync(join(folder, 'root/a'), join(folder, 'real/b'))
  const { entries, refused } = scan(join(folder, 'root'))
  t.same(refused, [])
  t.match(entries, [{ path: 'a' }, { path: 'b', target: 'a' }])
})

t.test('what vanishes during the scan is skipped', async t => {
  const root = t.testdir({ a: 'a', b: { c: 'c', d: 'd' }, e: 'e', f: { g: 'g' } })
  const seen: string[] = []
  for (const entry of scanTree(root, { onRefused: path => t.fail(path) })) {
    seen.push(entry.path)
    if (entry.path === 'a') rmSync(join(root, 'b'), { recursive: true })
    if (entry.path === 'e') rmSync(join(root, 'f'), { recursive: true })
  }
  t.same(seen, ['a', 'e'])
})

t.test('the root must be a folder that can be read', async t => {
  const root = t.testdir({ file: '' })
  t.throws(() => scan(join(root, 'nowhere')), { code: 'MS_TREE_UNREADABLE' })
  t.throws(() => scan(join(root, 'file')), { code: 'MS_TREE_UNREADABLE' })
  rmSync(join(root, 'file'))
  t.same(pathsIn(root), [])
  t.same(readdirSync(root), [])
})
