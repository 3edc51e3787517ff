import fc from 'fast-check'
import t from 'tap'
import { requestPathBytes } from './limits.ts'
import {
  baseName,
  displayPath,
  isCanonicalPath,
  joinPath,
  parentPath,
  parseRequestPath,
  pathFromBytes,
  pathInFolder,
  pathToBytes,
  rootPath,
} from './repo-path.ts'

const segment = fc
  .uint8Array({ minLength: 1, maxLength: 255 })
  .map(bytes => Buffer.from(bytes.map(byte => (byte === 0 || byte === 0x2f ? 0x61 : byte))))
  .filter(bytes => bytes.toString() !== '.' && bytes.toString() !== '..')

const pathBytes = fc
  .array(segment, { minLength: 1, maxLength: 8 })
  .map(segments => Buffer.concat(segments.flatMap(part => [Buffer.from('/'), part])).subarray(1))

const parsed = (raw: string): string => {
  const result = parseRequestPath(raw)
  return result.ok ? result.path : `refused: ${result.reason}`
}

t.test('bytes become a path and the same bytes again', async () => {
  fc.assert(
    fc.property(pathBytes, bytes => pathToBytes(pathFromBytes(bytes)).equals(bytes)),
    { numRuns: 300 },
  )
})

t.test('the canonical text of any bytes is accepted as it is, and is plain ASCII', async () => {
  fc.assert(
    fc.property(pathBytes, bytes => {
      const path = pathFromBytes(bytes)
      return (
        isCanonicalPath(path) &&
        parsed(`/${path}`) === path &&
        /^(?:[\w.~/-]|%[0-9A-F]{2})+$/.test(path)
      )
    }),
    { numRuns: 300 },
  )
})

t.test('however a request encodes a path, it is the same path', async () => {
  fc.assert(
    fc.property(pathBytes, fc.infiniteStream(fc.boolean()), (bytes, coins) => {
      const raw = [...bytes].map(byte => {
        const heads = coins.next().value === true
        if (byte === 0x2f) return heads ? '/' : '//'
        if (byte === 0x25 || heads) return `%${byte.toString(16).padStart(2, '0')}`
        return String.fromCharCode(byte)
      })
      return parsed(`/${raw.join('')}`) === pathFromBytes(bytes)
    }),
    { numRuns: 300 },
  )
})

t.test('no request text at all makes a path that leaves the tree', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), raw => {
      const result = parseRequestPath(raw)
      if (!result.ok) return result.reason.length > 0
      const names = pathToBytes(result.path).toString('latin1').split('/')
      return (
        isCanonicalPath(result.path) &&
        (result.path === '' || names.every(name => !['', '.', '..'].includes(name))) &&
        !names.some(name => name.includes('\0'))
      )
    }),
    { numRuns: 2000 },
  )
})

t.test('hostile request paths are refused', async t => {
  for (const raw of [
    '/..',
    '/../etc/passwd',
    '/a/../b',
    '/a/..',
    '/%2e%2e/etc',
    '/%2E./x',
    '/.%2e/x',
    '/./x',
    '/a/%2e',
    '/a%2fb',
    '/a%2Fb',
    '/a%00b',
    '/a\0b',
    '/a%',
    '/a%4',
    '/a%zz',
    '/a%%41',
    '/a%-1',
    '/\u012f\u012e\u012e',
    `/${'x'.repeat(requestPathBytes)}`,
  ]) {
    t.match(parsed(raw), /^refused: /, JSON.stringify(raw.slice(0, 40)))
  }
})

t.test('odd but honest request paths are understood', async t => {
  for (const [raw, path] of [
    ['', ''],
    ['/', ''],
    ['///', ''],
    ['//a//b', 'a/b'],
    ['/a/b/', 'a/b'],
    ['/a b', 'a%20b'],
    ['/%41', 'A'],
    ['/%2541', '%2541'],
    ['/a+b~c', 'a%2Bb~c'],
    ['/...', '...'],
    ['/..a', '..a'],
    ['/%7e', '~'],
    ['/\u00fc', '%FC'],
    ['/%c3%bc', '%C3%BC'],
    ["/it's%20%22odd%22%3f%23", 'it%27s%20%22odd%22%3F%23'],
    ['/-/health', '-/health'],
    [`/${'%ff'.repeat(255)}`, '%FF'.repeat(255)],
  ] as const) {
    t.equal(parsed(raw), path, raw.slice(0, 40))
  }
})

t.test('a trailing slash asks for a directory', async t => {
  t.same(parseRequestPath('/a/'), { ok: true, path: 'a', directory: true })
  t.same(parseRequestPath('/a'), { ok: true, path: 'a', directory: false })
  t.same(parseRequestPath('/'), { ok: true, path: '', directory: true })
})

t.test('only the canonical form is a path', async t => {
  for (const text of ['/a', 'a/', 'a//b', '%41', 'a%2fb', 'a b', '..', 'a/./b', 'a%2f', '%c3']) {
    t.notOk(isCanonicalPath(text), text)
  }
  t.ok(isCanonicalPath(''))
  t.ok(isCanonicalPath('pool/a%20b'))
})

t.test('paths are joined and taken apart', async t => {
  const path = pathFromBytes(Buffer.from('pool/main/a b.deb'))
  t.equal(parentPath(path), 'pool/main')
  t.equal(parentPath(pathFromBytes(Buffer.from('top'))), rootPath)
  t.equal(baseName(path), 'a%20b.deb')
  t.equal(joinPath(rootPath, path), path)
  t.equal(joinPath(parentPath(path), pathFromBytes(Buffer.from('x'))), 'pool/main/x')
  t.same(pathInFolder('/srv', path), Buffer.from('/srv/pool/main/a b.deb'))
  t.same(pathInFolder('/srv', rootPath), Buffer.from('/srv'))
})

t.test('people see text where the bytes are text, and escapes where they are not', async t => {
  t.equal(displayPath(pathFromBytes(Buffer.from('ü b'))), 'ü b')
  t.equal(displayPath(pathFromBytes(Buffer.from([0x61, 0xff]))), 'a%FF')
  t.equal(displayPath(pathFromBytes(Buffer.from('a\nb\u001b[31m'))), 'a%0Ab%1B%5B31m')
})
