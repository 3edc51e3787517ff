// PATH.zsync: the same bytes as zsyncmake writes, kept in bounds, and good for the real client.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { Body } from '../delivery/slice-reader.ts'
import { missing, run } from '../loadtest/programs.ts'
import { noise } from '../loadtest/sample/noise.ts'
import type { Content } from '../manifest/model.ts'
import { TestNetwork } from './fixtures/test-network.ts'
import { zsyncHeader, zsyncShape, zsyncSum } from './logic/zsync.ts'
import { ZsyncFiles } from './zsync-files.ts'

const headerEnd = Buffer.from('\n\n')
const sumsOf = (file: Buffer): Buffer => file.subarray(file.indexOf(headerEnd) + headerEnd.length)
const fieldsOf = (file: Buffer): string[] =>
  file
    .subarray(0, file.indexOf(headerEnd))
    .toString('latin1')
    .split('\n')
    .filter(line => !line.startsWith('URL: ') && !line.startsWith('MTime: '))

t.test('the same bytes as zsyncmake writes', { skip: missing('zsyncmake') }, async t => {
  const sizes = [1, 2047, 2048, 2049, 4096, 5000, 65_537, 300_001, 1_048_577, 3_000_000, 9_000_000]
  const network = await TestNetwork.start(t, repository => {
    for (const size of sizes) writeFileSync(join(repository, `f${size}`), noise('zsync', size))
  })
  await network.waitForSnapshot(1)
  for (const size of sizes) {
    const made = join(network.data, 'made.zsync')
    const file = join(network.repository, `f${size}`)
    execFileSync('zsyncmake', ['-Z', '-u', 'x', '-o', made, file], {
      cwd: network.data,
      stdio: 'ignore',
    })
    const expected = readFileSync(made)
    const answer = await network.get(`/f${size}.zsync`)
    t.equal(answer.status, 200)
    t.same(fieldsOf(answer.body), fieldsOf(expected), `${size} bytes`)
    t.ok(sumsOf(answer.body).equals(sumsOf(expected)), 'the block sums')
  }
})

t.test('it is served as other files are', async t => {
  const network = await TestNetwork.start(t, repository => {
    mkdirSync(join(repository, 'pool'))
    writeFileSync(join(repository, 'pool/a b.iso'), noise('iso', 200_000))
    writeFileSync(join(repository, 'empty'), '')
    writeFileSync(join(repository, 'real'), 'x'.repeat(5000))
    writeFileSync(join(repository, 'real.zsync'), 'a real file')
  })
  await network.waitForSnapshot(1)
  const answers = await Promise.all([1, 2, 3].map(() => network.get('/pool/a%20b.iso.zsync')))
  const [answer] = answers
  if (answer === undefined) throw new Error('no answer')
  for (const other of answers) t.ok(other.body.equals(answer.body))
  t.equal(readdirSync(join(network.data, 'zsync')).length, 1, 'made once')
  const text = answer.body.toString('latin1')
  t.match(text, /^zsync: 0\.6\.2\nFilename: a b\.iso\nMTime: .* \+0000\nBlocksize: 2048\n/)
  t.match(text, /\nURL: a%20b\.iso\n(?:URL: a%20b\.iso\n)*URL: a%20b\.iso\?direct\nSHA-1: /)
  const digest = createHash('sha256').update(answer.body).digest()
  t.equal(answer.headers.etag, `"sha256-${digest.toString('hex')}"`)
  t.equal(answer.headers['repr-digest'], `sha-256=:${digest.toString('base64')}:`)
  t.equal(answer.headers['content-type'], 'application/x-zsync')
  const part = await network.get('/pool/a%20b.iso.zsync', { range: 'bytes=7-9' })
  t.equal(part.status, 206)
  t.equal(part.body.toString(), '0.6')
  const again = await network.get('/pool/a%20b.iso.zsync', {
    'if-none-match': String(answer.headers.etag),
  })
  t.equal(again.status, 304)
  t.equal((await network.get('/real.zsync')).body.toString(), 'a real file')
  t.equal((await network.get('/real.zsync.zsync')).status, 200)
  for (const target of ['/empty.zsync', '/nothing.zsync', '/pool.zsync', '/.zsync']) {
    t.equal((await network.get(target)).status, 404, target)
  }
})

t.test('a file that changed is not described', async t => {
  const network = await TestNetwork.start(
    t,
    repository => writeFileSync(join(repository, 'a.iso'), noise('iso', 200_000)),
    { settleMs: 60_000 },
  )
  await network.waitForSnapshot(1)
  writeFileSync(join(network.repository, 'a.iso'), noise('other', 200_000))
  const answer = await network.get('/a.iso.zsync')
  t.equal(answer.status, 503)
  t.match(answer.body.toString(), /MS_FILE_CHANGED/)
  t.same(readdirSync(join(network.data, 'zsync')), [], 'nothing is left behind')
})

t.test('the real client updates an old file', { skip: missing('zsync') }, async t => {
  const bytes = noise('image', 3_000_000)
  const network = await TestNetwork.start(t, repository => {
    mkdirSync(join(repository, 'images'))
    writeFileSync(join(repository, 'images/disk+1.iso'), bytes)
  })
  await network.waitForSnapshot(1)
  const folder = join(network.data, '../client')
  mkdirSync(folder)
  const old = Buffer.from(bytes)
  for (const at of [100_000, 1_500_000, 2_999_000]) old.fill(7, at, at + 500)
  writeFileSync(join(folder, 'old'), old)
  const url = `${network.origin.url}images/disk%2B1.iso.zsync`
  const result = await run('zsync', ['-i', 'old', url], { cwd: folder })
  t.equal(result.status, 0, `${result.stdout}${result.stderr}`)
  t.ok(readFileSync(join(folder, 'disk+1.iso')).equals(bytes))
  t.same(readdirSync(folder).sort(), ['disk+1.iso', 'old'], 'it works and cleans up in its folder')
  const sent = (await network.get('/-/metrics')).body.toString()
  const [, count] = /mirrorswarm_sent_bytes_total\{kind="client"\} (\d+)/.exec(sent) ?? []
  t.ok(Number(count) < 60_000, `${count} bytes were sent`)
})

const contentOf = (bytes: Buffer): Content => ({
  number: 0,
  sha256: createHash('sha256').update(bytes).digest('hex') as Content['sha256'],
  sha1: createHash('sha1').update(bytes).digest('hex'),
  md5: '',
  md4: '',
  sizeBytes: bytes.length,
  modifiedSeconds: 1_700_000_000,
  firstSnapshot: 1,
})

t.test('files are kept within bounds, the least used go, and others wait for one', async t => {
  const folder = join(t.testdir({}), 'zsync')
  let opened = 0
  const ask = (files: ZsyncFiles, name: string) => {
    const bytes = noise(name, 100_000)
    const names = { rawName: Buffer.from(name), urlName: name }
    return files.get(contentOf(bytes), names, async (): Promise<Body> => {
      opened += 1
      return { bytes }
    })
  }
  const files = new ZsyncFiles(folder, 1200)
  t.teardown(() => files.stop())
  const [first, same] = await Promise.all([ask(files, 'a'), ask(files, 'a')])
  t.equal(opened, 1)
  t.same(first, same)
  await ask(files, 'b')
  t.equal(opened, 2)
  await ask(files, 'a')
  t.equal(opened, 2, 'both fit')
  await ask(files, 'c')
  await ask(files, 'a')
  t.equal(opened, 3, 'a was used later than b')
  await ask(files, 'b')
  t.equal(opened, 4)
  t.ok(files.keptBytes <= 1200)
  const again = new ZsyncFiles(folder, 1200)
  t.teardown(() => again.stop())
  writeFileSync(join(folder, 'left-over.tmp'), 'x')
  await ask(again, 'b')
  t.equal(opened, 4, 'kept over a restart')
  const total = readdirSync(folder).reduce(
    (sum, name) => sum + statSync(join(folder, name)).size,
    0,
  )
  t.equal(total, again.keptBytes)
  await files.stop()
  await t.rejects(ask(files, 'd'), { code: 'MS_INTERNAL' })
})

t.test('the rolling sum is zsync’s, whatever the block', async t => {
  const plain = (block: Uint8Array, blockBytes = 2048): number => {
    let [a, b] = [0n, 0n]
    for (const [index, byte] of block.entries()) {
      a += BigInt(byte)
      b += BigInt(blockBytes - index) * BigInt(byte)
    }
    return Number(((a & 0xffffn) << 16n) | (b & 0xffffn))
  }
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 2048 }),
      block => zsyncSum(block, 2048) === plain(block),
    ),
  )
  const most = new Uint8Array(4096).fill(255)
  t.equal(zsyncSum(most, 4096), plain(most, 4096))
})

t.test('names cannot add lines to the header', async t => {
  const content = contentOf(Buffer.from('x'))
  const header = zsyncHeader(content, { rawName: Buffer.from('a\nURL: evil'), urlName: 'a%0AURL' })
  t.notMatch(header.toString(), /evil|Filename/)
  t.equal(zsyncShape(99_999_999).blockBytes, 2048)
  t.equal(zsyncShape(100_000_000).blockBytes, 4096)
})
