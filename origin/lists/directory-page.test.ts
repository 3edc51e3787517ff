import fc from 'fast-check'
import t from 'tap'
import type { RepoPath, Sha256 } from '../../core/ids.ts'
import { joinPath, parseRequestPath, pathFromBytes } from '../../core/repo-path.ts'
import type { Content } from '../../manifest/model.ts'
import type { DirectoryChild } from '../../manifest/store/reader.ts'
import { parseOrder, renderDirectoryJson, renderDirectoryPage } from './directory-page.ts'

const content = (sizeBytes: number, modifiedSeconds: number): Content => ({
  number: 1,
  sha256: 'ab'.repeat(32) as Sha256,
  sizeBytes,
  sha1: '',
  md5: '',
  md4: '',
  modifiedSeconds,
  firstSnapshot: 1,
})

const encode = (text: string): RepoPath => pathFromBytes(Buffer.from(text))
const file = (name: string, sizeBytes = 1, modifiedSeconds = 0): DirectoryChild => ({
  name: encode(name),
  kind: 'file',
  content: content(sizeBytes, modifiedSeconds),
})

const render = (
  children: readonly DirectoryChild[],
  query = '',
  path = 'pool/main' as RepoPath,
  more = false,
) => renderDirectoryPage({ path, children, order: parseOrder(query), more, snapshot: 12 })

const linksOf = (page: string): string[] =>
  [...page.replace(/<h1>.*<\/h1>/, '').matchAll(/href="([^"]*)"/g)].map(([, link]) => link ?? '')
const childLinks = (page: string): string[] =>
  linksOf(page).filter(link => !link.startsWith('?') && link !== '../')

t.test('children have names, dates, sizes and hashes', async t => {
  const page = render([
    { name: 'b', kind: 'directory' },
    file('a.deb', 1_234_567, 784_111_777),
    { name: 'latest', kind: 'link', target: '../a%20b' },
  ])
  t.match(page, '<title>/pool/main/</title>')
  t.match(page, '<a href="b/"><bdi>b</bdi>/</a>')
  t.match(page, '1994-11-06 08:49')
  t.match(page, '<span title="1234567 bytes">1.23 MB</span>')
  t.match(page, `<code title="${'ab'.repeat(32)}">abababababab</code>`)
  t.match(page, 'latest</bdi></a> → <bdi>../a b</bdi>')
  t.match(page, '1 folder, 2 files, 1.23 MB · snapshot 12')
  t.ok(linksOf(page).includes('../'))
  t.notOk(linksOf(render([], '', '' as RepoPath)).includes('../'), 'the root has no parent')
})

t.test('screen readers are told the columns, the order, and that a folder is empty', async t => {
  const page = render([file('a')], 'C=M;O=D')
  t.equal(page.match(/<th scope="col"/g)?.length, 4)
  t.match(page, /aria-sort="descending"><a href="\?C=M;O=A">/)
  t.equal(page.match(/aria-sort/g)?.length, 1, 'one column is the one that sorts')
  t.match(render([file('a')]), /aria-sort="ascending"><a href="\?C=N;O=D">/)
  t.match(page, '<span aria-hidden="true">↓</span>', 'the arrow is not read out')
  t.notMatch(page, 'This folder is empty')
  t.match(render([]), 'This folder is empty')
})

t.test('the heading leads to each folder on the way', async t => {
  const heading = (path: string) => /<h1>(.*)<\/h1>/.exec(render([], '', path as RepoPath))?.[1]
  t.equal(heading(''), '/')
  t.equal(heading('pool'), '<a href="../">/</a> <bdi>pool</bdi>/')
  t.equal(
    heading('pool/a%26b/c'),
    '<a href="../../../">/</a> <a href="../../"><bdi>pool</bdi></a>/ ' +
      '<a href="../"><bdi>a&amp;b</bdi></a>/ <bdi>c</bdi>/',
  )
})

t.test('the columns sort, folders stay in front, the next click turns the order', async t => {
  const children: DirectoryChild[] = [
    file('a', 30, 100),
    { name: 'd', kind: 'directory' },
    file('m', 10, 300),
    file('z', 20, 200),
  ]
  const table: [string, string[]][] = [
    ['', ['d/', 'a', 'm', 'z']],
    ['C=N;O=A', ['d/', 'a', 'm', 'z']],
    ['C=N;O=D', ['d/', 'z', 'm', 'a']],
    ['C=S', ['d/', 'm', 'z', 'a']],
    ['C=S&O=D', ['d/', 'a', 'z', 'm']],
    ['C=M;O=A', ['d/', 'a', 'z', 'm']],
    ['C=M;O=D', ['d/', 'm', 'z', 'a']],
    ['C=X;O=Y', ['d/', 'a', 'm', 'z']],
  ]
  for (const [query, order] of table)
    t.strictSame(childLinks(render(children, query)), order, query)
  t.ok(linksOf(render(children)).includes('?C=N;O=D'))
  t.ok(linksOf(render(children, 'C=N;O=D')).includes('?C=N;O=A'))
})

t.test('a page that is not all says where it goes on', async t => {
  const page = render([file('a'), file('b<')], 'C=S;O=D', 'x' as RepoPath, true)
  t.ok(linksOf(page).includes('?C=S;O=D;after=b%3C'))
  t.match(page, 'on this page')
})

t.test('programs get the same as JSON', async t => {
  const children: DirectoryChild[] = [
    file('a b', 7, 784_111_777),
    { name: 'd', kind: 'directory' },
    { name: 'l', kind: 'link', target: '../x' },
  ]
  const path = 'pool' as RepoPath
  const page = { path, children, order: parseOrder(''), more: true, snapshot: 12 }
  t.strictSame(JSON.parse(renderDirectoryJson(page)), {
    path: '/pool/',
    snapshot: 12,
    entries: [
      { name: 'd', kind: 'directory' },
      {
        name: 'a%20b',
        kind: 'file',
        sizeBytes: 7,
        modified: '1994-11-06T08:49:37Z',
        sha256: 'ab'.repeat(32),
      },
      { name: 'l', kind: 'link', target: '../x' },
    ],
    next: '?C=N;O=A;after=l',
  })
  const root = renderDirectoryJson({ ...page, path: '' as RepoPath, children: [], more: false })
  t.match(JSON.parse(root), { path: '/', entries: [], next: null })
})

t.test('no name breaks the page', async t => {
  const page = render([file('<script>alert(1)</script>'), file('"\'&amp;'), file('\u202egnp.exe')])
  t.notMatch(page, '<script')
  t.match(page, '&lt;script&gt;alert(1)&lt;/script&gt;')
  t.match(page, '<bdi>&quot;&#39;&amp;amp;</bdi>')
  const raw: DirectoryChild = { name: pathFromBytes(Buffer.from([0xff, 0x0a])), kind: 'directory' }
  t.match(render([raw]), '<a href="%FF%0A/"><bdi>%FF%0A</bdi>/</a>')
})

t.test('every link leads a browser to the child, whatever bytes its name has', async () => {
  const byte = fc.integer({ min: 1, max: 255 }).filter(value => value !== 0x2f)
  const name = fc
    .array(byte, { minLength: 1, maxLength: 20 })
    .map(bytes => pathFromBytes(Uint8Array.from(bytes)))
    .filter(text => text !== '.' && text !== '..')
  fc.assert(
    fc.property(name, name, fc.boolean(), (folder, child, isFolder) => {
      const kind = isFolder ? 'directory' : 'file'
      const page = render([{ name: child, kind, content: content(1, 1) }], '', folder)
      const [link = ''] = childLinks(page)
      const url = new URL(link, `http://mirror.example/prefix/${folder}/`)
      const parsed = parseRequestPath(url.pathname.slice('/prefix'.length))
      return parsed.ok && parsed.path === joinPath(folder, child) && parsed.directory === isFolder
    }),
  )
})
