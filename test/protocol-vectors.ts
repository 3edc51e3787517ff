// The test vectors of docs/PROTOCOL.md, made by the functions that daemons use, from fixed keys and
// bytes. Each is a text under the name that its block in the document has.

import { createPrivateKey, createPublicKey } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { selfSignedCertificate } from '../core/certificate.ts'
import type { RepoPath, Sha256, VolunteerName } from '../core/ids.ts'
import {
  agreeOnSecret,
  importPublicKey,
  type KeyKind,
  type KeyPair,
  signText,
} from '../core/keys.ts'
import { parseRequestPath, pathFromBytes } from '../core/repo-path.ts'
import { linkExpiry, signLink } from '../delivery/links.ts'
import { validatorHeaders } from '../delivery/logic/respond.ts'
import { hashFile } from '../manifest/hash-file.ts'
import { certifyOnlineKey, repositoryIdOf, signHead } from '../manifest/head.ts'
import { pieceCountFor, pieceLengthFor } from '../manifest/logic/piece-length.ts'
import type { ManifestRecord, PartHeader } from '../manifest/logic/records.ts'
import type { Content, Head } from '../manifest/model.ts'
import { ObjectStore } from '../manifest/objects.ts'
import { storeParts } from '../manifest/wire.ts'
import { hashList } from '../origin/lists/hash-list.ts'
import { enrolmentText } from '../origin/prober.ts'
import {
  bundleMetainfo,
  type HashedContent,
  magnetLink,
  singleFileMetainfo,
} from '../prsync/metainfo.ts'
import { AnnounceClient, type VolunteerStatus } from '../tracker/logic/announce-client.ts'
import { signRequest } from '../tracker/request-signature.ts'
import { formVector } from './form-vector.ts'
import { rangesVector } from './ranges-vector.ts'

const nowMs = 1_700_000_000_000
const name = 'physics' as VolunteerName

/** DER of a private key (RFC 8410) up to its 32 bytes. */
const keyPrefix = {
  ed25519: '302e020100300506032b657004220420',
  x25519: '302e020100300506032b656e04220420',
} as const

/** The key pair whose private key is 32 times the same byte. */
const keysOf = (kind: KeyKind, byte: number): KeyPair => {
  const der = Buffer.concat([Buffer.from(keyPrefix[kind], 'hex'), Buffer.alloc(32, byte)])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' })
  return { privateKey, publicKey: x }
}

const keys = {
  root: keysOf('ed25519', 1),
  online: keysOf('ed25519', 2),
  volunteer: keysOf('ed25519', 3),
  originExchange: keysOf('x25519', 4),
  volunteerExchange: keysOf('x25519', 5),
}

const linkSecret = agreeOnSecret(
  keys.originExchange.privateKey,
  importPublicKey(keys.volunteerExchange.publicKey, 'x25519'),
  'mirrorswarm link v1',
)

const repositoryId = repositoryIdOf(keys.root.publicKey)

/** JSON with a line for each field. */
const json = (value: object): string => {
  const lines = Object.entries(value).map(([key, each]) => `  "${key}": ${JSON.stringify(each)}`)
  return `{\n${lines.join(',\n')}\n}`
}

const keyVectors = (): string =>
  Object.entries(keys)
    .map(([owner, { publicKey }]) => `${owner} ${publicKey}`)
    .join('\n')

const pathVectors = (): string => {
  const names = ['hello_2.10-3_amd64.deb', 'a b+c', '~%41', 'ü', 'q?#"'].map(text =>
    Buffer.from(text),
  )
  return [...names, Buffer.from([0xff, 0x0a])]
    .map(bytes => `${bytes.toString('hex')} ${pathFromBytes(bytes)}`)
    .join('\n')
}

const requestPathVectors = (): string =>
  [
    '/',
    '/pool/',
    '/pool/a.deb',
    '//pool///a.deb',
    '/%70ool/a+b',
    '/a%2fb',
    '/a/../b',
    '/%2e/b',
    '/%4',
    '/a%00',
  ]
    .map(raw => {
      const parsed = parseRequestPath(raw)
      if (!parsed.ok) return `${raw} refused`
      return `${raw} "${parsed.path}"${parsed.directory ? ' directory' : ''}`
    })
    .join('\n')

const linkVectors = (): string => {
  const path = 'pool/main/h/hello_2.10-3_amd64.deb' as RepoPath
  const sha256 = 'ab'.repeat(32) as Sha256
  const expiresSeconds = linkExpiry(nowMs / 1000)
  const link = signLink({ volunteer: name, secret: linkSecret }, { path, sha256, expiresSeconds })
  return [
    `secret ${linkSecret.toString('hex')}`,
    `expires ${expiresSeconds}`,
    `text ${JSON.stringify(`${name}\n${path}\n${sha256}\n${expiresSeconds}`)}`,
    `/${path}?${link}`,
  ].join('\n')
}

const requestSignatureVectors = (): string => {
  const { privateKey } = keys.volunteer
  const announce = { method: 'POST', path: '/-/v1/announce', body: '{"version":1}' }
  const read = { method: 'GET', path: `/-/v1/contents/${'ab'.repeat(32)}` }
  return [announce, read].map(request => signRequest(request, name, privateKey, nowMs)).join('\n')
}

const enrolmentVectors = (): string => {
  const text = enrolmentText('000102030405060708090a0b0c0d0e0f', name)
  return `${JSON.stringify(text)}\n${signText(text, keys.volunteer.privateKey)}`
}

const certificate = (): string =>
  certifyOnlineKey(keys.root, keys.online.publicKey, nowMs + 30 * 86_400_000)

const headVector = (): string => {
  const head: Head = {
    ...{ repositoryId, epoch: 1, snapshot: 2, createdMs: nowMs },
    expiresMs: nowMs + 7 * 86_400_000,
    checkpoint: { snapshot: 0, segments: [] },
    differences: [
      { sha256: '11'.repeat(32) as Sha256, sizeBytes: 1292, from: 0, to: 1 },
      { sha256: '22'.repeat(32) as Sha256, sizeBytes: 310, from: 1, to: 2 },
    ],
  }
  return signHead(head, keys.online, certificate())
}

const pieceLengthVectors = (): string =>
  [0, 1, 262_144, 262_145, 4_194_304, 4_194_305, 33_554_432, 2 ** 30, 2 ** 32, 2 ** 36]
    .map(size => `${size} ${pieceLengthFor(size)} ${pieceCountFor(size)}`)
    .join('\n')

/** Three contents: six bytes, a little over one piece, exactly one piece. */
const sampleBytes = {
  hello: Buffer.from('hello\n'),
  over: Buffer.alloc(70_000, 'a'),
  full: Buffer.alloc(65_536, 'b'),
}

type Sample = HashedContent & Pick<Content, 'sha1' | 'md5' | 'md4'>

const hashSample = (folder: string, bytes: Buffer): Sample => {
  const file = join(folder, 'sample')
  writeFileSync(file, bytes)
  const hashed = hashFile(Buffer.from(file), false, null)
  if (typeof hashed === 'string' || 'unreadable' in hashed) throw new Error('no hashes')
  const hex = (digest: Uint8Array): string => Buffer.from(digest).toString('hex')
  return {
    sha256: hex(hashed.sha256) as Sha256,
    ...{ sha1: hex(hashed.sha1), md5: hex(hashed.md5), md4: hex(hashed.md4) },
    ...{ sizeBytes: bytes.length, pieces: hashed.pieces, lastPiece: hashed.lastPiece },
  }
}

const hashVectors = ({ sha256, sha1, md5, md4, pieces, lastPiece }: Sample): string =>
  [
    ...[`sha256 ${sha256}`, `sha1 ${sha1}`, `md5 ${md5}`, `md4 ${md4}`],
    `pieces ${Buffer.from(pieces).toString('hex')}`,
    `last piece ${Buffer.from(lastPiece).toString('hex')}`,
  ].join('\n')

/** Bencoded text with other bytes than printable ASCII as \\xHH. */
const shown = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('latin1')
    .replace(/[^ -[\]-~]/g, char => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)

const singleFile = (file: Sample) =>
  singleFileMetainfo({
    ...file,
    ...{ name: 'a%20b.iso', pieceLengthBytes: pieceLengthFor(file.sizeBytes) },
    announce: ['http://repo.example.org/-/announce'],
    webSeeds: ['http://repo.example.org/iso/a%20b.iso'],
  })

const torrentVectors = (samples: readonly Sample[]): readonly [string, string][] => {
  const [first] = samples
  if (first === undefined) throw new Error('no samples')
  const bundle = bundleMetainfo(samples, 65_536)
  const single = singleFile(first)
  const magnet = magnetLink({
    ...{ infoHash: single.infoHash, name: 'a%20b.iso', sizeBytes: first.sizeBytes },
    announce: ['http://repo.example.org/-/announce'],
    webSeeds: ['http://repo.example.org/iso/a%20b.iso'],
  })
  return [
    ['bundle', `${shown(bundle.metainfo)}\ninfo-hash ${bundle.infoHash}`],
    ['single-file torrent', `${shown(single.metainfo)}\ninfo-hash ${single.infoHash}\n${magnet}`],
  ]
}

/** One part of a manifest, inflated. */
const manifestPart = async (folder: string, hello: Sample): Promise<string> => {
  const { sha256, sizeBytes: size, sha1, md5, md4 } = hello
  const header: PartHeader = {
    ...{ type: 'difference', repository: repositoryId, epoch: 1, from: 1, to: 2, contents: 8 },
    snapshot: {
      ...{ createdMs: nowMs, files: 9, links: 1, bytes: 700_012, uniqueBytes: 700_006 },
      ...{ added: 3, changed: 0, removed: 1 },
    },
  }
  const single = singleFile(hello)
  const records: ManifestRecord[] = [
    { type: 'content', n: 7, sha256, size, sha1, md5, md4, modified: 1_699_999_999, first: 2 },
    {
      ...{ type: 'bundle', n: 3, infoHash: single.infoHash, metainfo: '33'.repeat(32) as Sha256 },
      ...{ pieceLength: 65_536, members: [7] },
    },
    { type: 'file', path: 'pool/a%20b' as RepoPath, content: 7 },
    { type: 'file', path: 'pool/c' as RepoPath, content: 7 },
    { type: 'link', path: 'pool/latest' as RepoPath, target: '../pool/c' },
    { type: 'gone', path: 'pool/old.deb' as RepoPath },
  ]
  const objects = new ObjectStore(join(folder, 'objects'))
  const [part] = await storeParts(objects, header, records)
  const bytes = part === undefined ? null : await objects.read(part.sha256)
  return gunzipSync(bytes ?? '')
    .toString()
    .trimEnd()
}

const status: VolunteerStatus = {
  peerPort: 6881,
  scope: null,
  sync: {
    ...{ state: 'syncing', wantedFiles: 9, wantedBytes: 700_006 },
    ...{ heldFiles: 8, heldBytes: 700_000 },
    torrents: [{ infoHash: 'cd'.repeat(20) as never, pieces: 12, have: 5 }],
  },
  load: { clientBytesPerSecond: 0, syncBytesPerSecond: 1_250_000, activeClients: 0 },
  limits: { uploadBytesPerSecond: 12_500_000, maxClients: 100 },
  draining: false,
  reasons: [],
}

const neighbour = {
  name: 'chemistry' as VolunteerName,
  key: keysOf('ed25519', 6).publicKey,
  url: 'https://mirror.chemistry.example.org',
}

const announceVectors = (): readonly [string, string][] => {
  const client = new AnnounceClient({ session: '5f0c1b7a' })
  client.setManifest({ repositoryId, epoch: 1, snapshot: 2 })
  for (let number = 0; number < 65_536; number++) client.hold(number)
  for (const number of [65_536, 65_539, 65_544]) client.hold(number)
  client.setRoster(null)
  const full = client.nextRequest(status, 30_000)
  const answer = {
    ...{ nowMs, intervalMs: 30_000, snapshot: { epoch: 1, number: 2 } },
    ...{ holdingsVersion: 1, wantFull: false },
    torrents: [
      {
        infoHash: 'cd'.repeat(20) as never,
        peers: [{ name: neighbour.name, host: '192.0.2.7', port: 6881, complete: true }],
        share: { index: 1, count: 2 },
      },
    ],
    ...({ drain: false, state: 'syncing' } as const),
    roster: { tag: 'x8Qk2-_7dPaz', volunteers: [neighbour] },
    tag: 'k3j9.1.2.syncing.4.x8Qk2-_7dPaz',
  }
  client.heed(full, answer)
  client.hold(65_540)
  client.drop(7)
  const change = client.nextRequest(status, 30_000)
  return [
    ['announce', json(full)],
    ['announce answer', json(answer)],
    ['announced change', JSON.stringify(change.holdings)],
  ]
}

const hashListVector = (hello: Sample): string => {
  const content: Content = {
    ...hello,
    ...{ number: 7, modifiedSeconds: 1_699_999_999, firstSnapshot: 2 },
  }
  const folder = 'pool' as RepoPath
  const header = { kind: 'sha256', repositoryId, epoch: 1, snapshot: 2, folder } as const
  const signer = {
    publicKey: keys.online.publicKey,
    sign: (text: string) => signText(text, keys.online.privateKey),
  }
  const paths = ['a%20b', 'c'].map(path => ({ path: path as RepoPath, content }))
  return Buffer.concat([...hashList(header, paths, signer)])
    .toString()
    .trimEnd()
}

const headerVectors = ({ sha256 }: Sample): string =>
  Object.entries(validatorHeaders({ sha256, modifiedSeconds: 1_699_999_999 }))
    .map(([header, value]) => `${header}: ${value}`)
    .join('\n')

/** All vectors by name; `folder` is for temporary files. */
export const makeVectors = async (folder: string): Promise<ReadonlyMap<string, string>> => {
  const hello = hashSample(folder, sampleBytes.hello)
  const over = hashSample(folder, sampleBytes.over)
  const full = hashSample(folder, sampleBytes.full)
  return new Map([
    ['keys', keyVectors()],
    ['canonical paths', pathVectors()],
    ['request paths', requestPathVectors()],
    ['validators', headerVectors(hello)],
    ['link', linkVectors()],
    ['request signatures', requestSignatureVectors()],
    ['enrolment', enrolmentVectors()],
    ['certificate', certificate()],
    ['peer certificate', selfSignedCertificate(keys.volunteer.privateKey).trimEnd()],
    ['head', headVector()],
    ['manifest part', await manifestPart(folder, hello)],
    ['ranges', await rangesVector()],
    ['unpacked form', await formVector()],
    ['piece lengths', pieceLengthVectors()],
    ['hashes', hashVectors(over)],
    ...torrentVectors([hello, over, full]),
    ...announceVectors(),
    ['hash list', hashListVector(hello)],
  ])
}
