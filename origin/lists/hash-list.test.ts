import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import type { RepoPath, RepositoryId, Sha256 } from '../../core/ids.ts'
import { generateKeys, importPublicKey, signText, verifyText } from '../../core/keys.ts'
import { pathFromBytes, pathInFolder } from '../../core/repo-path.ts'
import type { Content } from '../../manifest/model.ts'
import {
  fileHash,
  type HashedPath,
  type HashListHeader,
  hashLine,
  hashList,
  listSignatureText,
  parseHashKind,
} from './hash-list.ts'

const hex = (algorithm: string, data: string): string =>
  createHash(algorithm).update(data).digest('hex')

const contentOf = (data: string): Content => ({
  number: 1,
  sha256: hex('sha256', data) as Sha256,
  sizeBytes: data.length,
  sha1: hex('sha1', data),
  md5: hex('md5', data),
  md4: '',
  modifiedSeconds: 0,
  firstSnapshot: 1,
})

const keys = generateKeys('ed25519')
const signer = {
  publicKey: keys.publicKey,
  sign: (text: string) => signText(text, keys.privateKey),
}
const header: HashListHeader = {
  kind: 'sha256',
  repositoryId: 'cd'.repeat(32) as RepositoryId,
  epoch: 1,
  snapshot: 12,
  folder: 'pool' as RepoPath,
}

const verifySignature = (list: Buffer): boolean => {
  const start = list.lastIndexOf('# signature ')
  const [, , key = '', signature = ''] = list.toString('latin1', start).trimEnd().split(' ')
  const signed = createHash('sha256').update(list.subarray(0, start)).digest('hex')
  return verifyText(listSignatureText(signed), signature, importPublicKey(key, 'ed25519'))
}

const oddNames = [
  'plain.deb',
  'back\\slash',
  'new\nline',
  '\r',
  'ends with\r',
  '\\n',
  ' leading and trailing ',
  '-',
  '--check',
  '*star',
  '#hash',
  'quote"\'`$(x)',
  'ü/naïve/文件',
  'a/-',
  '\t',
]

t.test('sha256sum, sha1sum and md5sum accept the list of any names', async t => {
  const folder = t.testdir({})
  const names = [...oddNames.map(name => Buffer.from(name)), Buffer.from([0xff, 0xfe, 0x5c, 0x41])]
  const paths = names.map((name, index): HashedPath => {
    const path = pathFromBytes(name)
    const place = pathInFolder(folder, path)
    mkdirSync(place.subarray(0, place.lastIndexOf('/')), { recursive: true })
    writeFileSync(place, `content ${index}`)
    return { path, content: contentOf(`content ${index}`) }
  })
  for (const kind of ['sha256', 'sha1', 'md5'] as const) {
    const list = Buffer.concat([...hashList({ ...header, kind }, paths, signer)])
    const check = ['-c', '--strict', '--quiet', '-']
    t.equal(execFileSync(`${kind}sum`, check, { cwd: folder, input: list }).toString(), '', kind)
    t.ok(verifySignature(list))
  }
})

t.test('what sha256sum writes for these names is what the list says', async t => {
  const folder = t.testdir({})
  for (const name of oddNames.filter(each => !each.includes('/') && each !== '-')) {
    writeFileSync(`${folder}/${name}`, 'x')
    const theirs = execFileSync('sha256sum', ['--', name], { cwd: folder })
    t.strictSame(hashLine(contentOf('x').sha256, Buffer.from(name)), theirs, JSON.stringify(name))
  }
})

t.test('one file is one line by its base name', async t => {
  const content = contentOf('x')
  const line = fileHash('sha256', 'pool/a%20b.deb' as RepoPath, content)
  t.equal(line.toString(), `${content.sha256}  a b.deb\n`)
  t.equal(fileHash('md5', 'x' as RepoPath, content).toString(), `${content.md5}  x\n`)
})

t.test('a changed list does not verify', async t => {
  const paths = [{ path: 'a' as RepoPath, content: contentOf('a') }]
  const list = Buffer.concat([...hashList(header, paths, signer)])
  t.ok(verifySignature(list))
  t.notOk(verifySignature(Buffer.from(list.toString().replace('snapshot 12', 'snapshot 11'))))
  t.notOk(verifySignature(Buffer.from(list.toString().replace('  a\n', '  b\n'))))
})

t.test('a long list is made piece by piece while its paths are read', async t => {
  let read = 0
  const content = contentOf('x')
  function* paths(): Generator<HashedPath> {
    for (; read < 100_000; read++) {
      yield { path: `folder/file-${read}` as RepoPath, content }
    }
  }
  const pieces = hashList(header, paths(), signer)
  const first = pieces.next()
  t.ok(read < 2000, `${read} paths were read for the first piece`)
  const list = [first.value as Buffer, ...pieces]
  t.ok(list.every(piece => piece.length < 128 * 1024))
  t.ok(verifySignature(Buffer.concat(list)))
  t.equal(Buffer.concat(list).toString().split('\n').length, 100_000 + 4)
})

t.test('a line is one line, and no two names have the same', async () => {
  const name = fc.uint8Array({ minLength: 1, maxLength: 8 }).map(bytes => Buffer.from(bytes))
  const odd = fc.array(fc.constantFrom('\\', '\n', '\r', 'n', 'r', '-', './-'), { minLength: 1 })
  const both = fc.oneof(
    name,
    odd.map(parts => Buffer.from(parts.join(''))),
  )
  fc.assert(
    fc.property(both, both, (one, other) => {
      const [first, second] = [hashLine('00', one), hashLine('00', other)]
      const single = first.indexOf('\n') === first.length - 1 && !first.includes('\r')
      const aliases =
        ['-', './-'].includes(one.toString()) && ['-', './-'].includes(other.toString())
      return single && (aliases || first.equals(second) === one.equals(other))
    }),
  )
})

t.test('the query names the hash', async t => {
  t.equal(parseHashKind(new URLSearchParams('sha256').keys()), 'sha256')
  t.equal(parseHashKind(['direct', 'md4']), 'md4')
  t.equal(parseHashKind(['sha512']), null)
})
