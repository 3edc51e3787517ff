import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import type { RepoPath, Sha256, VolunteerName } from '../../core/ids.ts'
import { baseName, pathFromBytes } from '../../core/repo-path.ts'
import { missing } from '../../loadtest/programs.ts'
import { pieceLengthFor } from '../../manifest/logic/piece-length.ts'
import type { Content } from '../../manifest/model.ts'
import { parseMetainfo } from '../../prsync/metainfo.ts'
import { emptyAccount } from '../logic/account.ts'
import type { Tier } from '../logic/closeness.ts'
import type { Selection, SelectionCandidate } from '../logic/select.ts'
import { type Explanation, renderExplanation, renderExplanationJson } from './explanation.ts'
import { type FileSources, mirrorsOf } from './file-sources.ts'
import { renderMetalink } from './metalink.ts'
import { prefersJson, renderMirrorListJson, renderMirrorListPage } from './mirror-list.ts'
import { fileMagnet, fileTorrent, piecesOf } from './torrent.ts'

const run = promisify(execFile)
const hash = (algorithm: string, data: Uint8Array): string =>
  createHash(algorithm).update(data).digest('hex')

const contentOf = (data: Buffer): Content => ({
  number: 1,
  sha256: hash('sha256', data) as Sha256,
  sizeBytes: data.length,
  sha1: hash('sha1', data),
  md5: hash('md5', data),
  md4: '',
  modifiedSeconds: 784_111_777,
  firstSnapshot: 1,
})

/** Pieces as the manifest keeps them: the last one hashed with zeros up to its full length. */
const pieceHashesOf = (data: Buffer) => {
  const length = pieceLengthFor(data.length)
  const sha1 = (piece: Uint8Array) => createHash('sha1').update(piece).digest()
  const starts = Array.from(
    { length: Math.ceil(data.length / length) },
    (_, index) => index * length,
  )
  const pieces = starts.map(start => {
    const piece = Buffer.alloc(length)
    data.copy(piece, 0, start, start + length)
    return sha1(piece)
  })
  const last = starts.at(-1)
  const lastPiece = last === undefined ? Buffer.alloc(0) : sha1(data.subarray(last))
  return { pieces: Buffer.concat(pieces), lastPiece }
}

const sourcesOf = (data: Buffer, path = 'pool/a%26b%20%3Cc%3E.deb' as RepoPath): FileSources => ({
  path,
  content: contentOf(data),
  snapshot: 12,
  baseUrl: 'https://mirror.example/debian',
  mirrors: ['physics', 'chemistry'] as VolunteerName[],
})

const candidate = (name: string, load = 0): SelectionCandidate => ({
  name: name as VolunteerName,
  url: `https://${name}.example`,
  state: 'synced',
  https: true,
  disabled: false,
  trust: 'full',
  reach: 'any',
  clientBytesPerSecond: load * 1e6,
  syncBytesPerSecond: 0,
  uploadBytesPerSecond: 1e6,
  capacityBytesPerSecond: 1e6,
  capacitySource: 'owner',
  weight: 1,
  activeClients: 1,
  maxClients: null,
  account: emptyAccount,
  has: () => true,
})

const tier: Tier = { kind: 'network', prefixBits: 16, members: [0, 1] }

const selection: Selection = {
  chosen: { candidate: candidate('physics', 0.5), load: 0.5, tier },
  by: 'load',
  accepted: [
    { candidate: candidate('chemistry', 0.25), load: 0.25, tier },
    { candidate: candidate('physics', 0.5), load: 0.5, tier },
  ],
  refused: [{ candidate: candidate('maths'), reason: 'not-held' }],
}

t.test('the mirrors of a selection are all that accepted, the chosen one first', async t => {
  t.strictSame(mirrorsOf(selection), ['physics', 'chemistry'])
  t.strictSame(mirrorsOf({ ...selection, chosen: null }), ['chemistry', 'physics'])
})

t.test('the mirror list for programs', async t => {
  const data = Buffer.from('content')
  const list = JSON.parse(renderMirrorListJson(sourcesOf(data)))
  t.match(list, { sizeBytes: 7, sha256: hash('sha256', data), modified: '1994-11-06T08:49:37Z' })
  t.equal(list.direct, 'https://mirror.example/debian/pool/a%26b%20%3Cc%3E.deb?direct')
  t.strictSame(list.mirrors[1], {
    name: 'chemistry',
    priority: 2,
    url: 'https://mirror.example/debian/-/via/chemistry/pool/a%26b%20%3Cc%3E.deb',
  })
})

t.test('the mirror list for people', async t => {
  const page = renderMirrorListPage(sourcesOf(Buffer.from('content')))
  t.match(page, '<title>/pool/a&amp;b &lt;c&gt;.deb</title>')
  t.match(page, 'href="https://mirror.example/debian/-/via/physics/pool/a%26b%20%3Cc%3E.deb"')
  t.match(page, '.torrent"')
  const empty = renderMirrorListPage({ ...sourcesOf(Buffer.alloc(0)), mirrors: [] })
  t.notMatch(empty, '.torrent')
  t.match(empty, 'No volunteer can serve it now')
})

t.test('JSON goes to those who prefer it', async t => {
  const table: [string | undefined, boolean][] = [
    [undefined, false],
    ['*/*', false],
    ['', false],
    ['application/json', true],
    ['application/*', true],
    ['application/json;q=0.5, text/html', false],
    ['text/html;q=0.5,application/json', true],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', false],
    ['application/json;q=0', false],
    ['application/json;q=x', false],
    ['*/*;q=0.1, APPLICATION/JSON', true],
  ]
  for (const [accept, wanted] of table) t.equal(prefersJson(accept), wanted, String(accept))
})

const python = missing('python3')
const readXml = `
import sys, json, xml.etree.ElementTree as E
n = '{urn:ietf:params:xml:ns:metalink}'
f = [x for d in json.load(sys.stdin) for x in E.fromstring(d.encode()).findall(n + 'file')]
json.dump([{ 'name': x.get('name'), 'size': x.findtext(n + 'size'),
  'hashes': {h.get('type'): h.text for h in x.findall(n + 'hash')},
  'pieces': [h.text for h in x.findall(n + 'pieces/' + n + 'hash')],
  'urls': [[u.get('priority'), u.text] for u in x.findall(n + 'url')] } for x in f], sys.stdout)`

/** What an XML parser reads from metalinks. */
const readMetalinks = async (texts: readonly string[]) => {
  const running = run('python3', ['-c', readXml])
  running.child.stdin?.end(JSON.stringify(texts))
  return JSON.parse((await running).stdout)
}

t.test('a metalink is XML that says what it should', { skip: python }, async t => {
  const data = randomBytes(200_000)
  const text = renderMetalink(sourcesOf(data), piecesOf(data.length, pieceHashesOf(data)))
  const [file] = await readMetalinks([text])
  t.match(file, {
    name: 'a&b <c>.deb',
    size: '200000',
    hashes: { 'sha-256': hash('sha256', data) },
  })
  t.equal(file.pieces.at(-1), hash('sha1', data.subarray(3 * 65_536)), 'the last without padding')
  t.strictSame(
    file.urls.map(([priority]: [string]) => priority),
    ['1', '2', '3'],
  )
  t.match(file.urls[2][1], /\?direct$/)
})

t.test('no name makes a metalink that is not XML', { skip: python }, async t => {
  const names = ['\u0001', '\ufffe', '\u{1f600}', '\x7f', ']]>', '"', '\u2028', '\ufeff', '%41']
  const paths = names.map(name => pathFromBytes(Buffer.from(`x/${name}`)))
  const files = await readMetalinks(
    paths.map(path => renderMetalink(sourcesOf(Buffer.alloc(0), path))),
  )
  t.equal(files.length, names.length)
  paths.forEach((path, index) => {
    t.ok([names[index], baseName(path)].includes(files[index].name), baseName(path))
    t.strictSame(files[index].pieces, [])
  })
})

/** Serves nothing by one volunteer's URL and the bytes by the rest. */
const serveWith = async (t: Test, data: Buffer): Promise<string> => {
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/-/via/physics/') === true) response.writeHead(404).end()
    else response.end(data)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test(
  'aria2c downloads by the metalink although a mirror is gone',
  { skip: missing('aria2c') },
  async t => {
    const data = randomBytes(300_000)
    const baseUrl = await serveWith(t, data)
    const sources = { ...sourcesOf(data, 'pool/image.iso' as RepoPath), baseUrl }
    const pieces = piecesOf(data.length, pieceHashesOf(data))
    const text = renderMetalink(sources, pieces).replace(/.*<metaurl.*\n/, '')
    const folder = t.testdir({ 'image.iso.meta4': text })
    const limits = ['-q', '--check-integrity=true', '--follow-torrent=false', '--stop=20']
    await run('aria2c', [...limits, '-d', folder, '-M', join(folder, 'image.iso.meta4')])
    t.ok((await readFile(join(folder, 'image.iso'))).equals(data))
  },
)

t.test('the torrent of a file names the tracker and the origin as web seed', async t => {
  const data = randomBytes(200_000)
  const sources = sourcesOf(data)
  const hashes = pieceHashesOf(data)
  const torrent = fileTorrent(sources, hashes)
  if (torrent === null) throw new Error('no torrent')
  const read = parseMetainfo(torrent.metainfo)
  t.equal(read.infoHash, torrent.infoHash)
  t.equal(read.name.toString(), 'a&b <c>.deb')
  t.ok(read.pieces.equals(piecesOf(data.length, hashes).hashes))
  const text = torrent.metainfo.toString('latin1')
  t.match(text, '40:https://mirror.example/debian/-/announce')
  t.match(text, 'https://mirror.example/debian/pool/a%26b%20%3Cc%3E.deb')
  const magnet = fileMagnet(sources, hashes)
  t.match(magnet, `magnet:?xt=urn:btih:${torrent.infoHash}&dn=a%26b%20%3Cc%3E.deb&xl=200000&tr=`)
  const empty = sourcesOf(Buffer.alloc(0))
  t.equal(fileTorrent(empty, pieceHashesOf(Buffer.alloc(0))), null)
  t.equal(fileMagnet(empty, pieceHashesOf(Buffer.alloc(0))), null)
})

const explanation: Explanation = {
  path: 'pool/a%20b.deb' as RepoPath,
  content: contentOf(Buffer.from('content')),
  snapshot: 12,
  retired: false,
  from: '192.0.2.7',
  serve: null,
  selection,
}

t.test('an explanation tells who, why, and why not the others', async t => {
  t.equal(
    renderExplanation(explanation),
    `/pool/a b.deb
7 B, sha256 ${hash('sha256', Buffer.from('content'))}, snapshot 12
asked by 192.0.2.7
redirected to physics: the less loaded of two chosen at random among the nearest

could serve, nearest first:
  chemistry  its own network (/16), load 25 % of 1 MB/s (by its owner), 1 client, synced, https://chemistry.example
  physics    its own network (/16), load 50 % of 1 MB/s (by its owner), 1 client, synced, https://physics.example

could not:
  maths      it does not hold this content
`,
  )
  const json = JSON.parse(renderExplanationJson(explanation))
  t.match(json, { answer: 'redirect', chosen: 'physics', reason: 'load', from: '192.0.2.7' })
  t.match(json.accepted, [
    { name: 'chemistry', load: 0.25, closeness: 'network', capacitySource: 'owner' },
    { name: 'physics' },
  ])
  t.match(json.refused, [{ name: 'maths', reason: 'not-held' }])
})

t.test('an explanation tells why the origin serves by itself', async t => {
  const kept: Explanation = { ...explanation, from: null, serve: 'kept', selection: null }
  t.match(renderExplanation(kept), 'served by the origin: files of this name are never redirected')
  t.match(JSON.parse(renderExplanationJson(kept)), {
    answer: 'serve',
    chosen: null,
    reason: 'kept',
  })
  const alone = { ...selection, chosen: null, by: 'none' as const, accepted: [], refused: [] }
  const nobody: Explanation = { ...explanation, selection: alone }
  t.match(renderExplanation(nobody), /no volunteer can serve it\n\nno volunteer is enrolled\n$/)
  t.match(JSON.parse(renderExplanationJson(nobody)), { answer: 'serve', reason: 'none' })
  const again: Explanation = { ...explanation, serve: 'repeated' }
  t.match(JSON.parse(renderExplanationJson(again)), { answer: 'serve', chosen: null })
})
