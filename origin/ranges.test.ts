// POST /-/v1/ranges at the origin: exact bytes and hashes of what is published, for volunteers only.

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { zstdDecompressSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { rangesRequestBytes } from '../core/delta-limits.ts'
import type { Sha256 } from '../core/ids.ts'
import { coarseChunkBytes } from '../core/kernel/chunk-map.ts'
import { kernel } from '../core/kernel/kernel.ts'
import { sha256Hex } from '../core/keys.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { encodeRequest, type RangesAsk } from '../prsync/logic/ranges-wire.ts'
import { askSource } from '../prsync/ranges-client.ts'
import { type HandMadeVolunteer, TestNetwork } from './fixtures/test-network.ts'

const large = Buffer.from(noise('large', 400_001))
const kept = Buffer.from(noise('kept', 100_000))
const hashOf = (bytes: Uint8Array): Sha256 => sha256Hex(bytes) as Sha256
const zstd = { 'accept-encoding': 'gzip, zstd' }

const start = async (t: Test) => {
  const network = await TestNetwork.start(
    t,
    repository => {
      writeFileSync(join(repository, 'large.iso'), large)
      writeFileSync(join(repository, 'InRelease'), kept)
      writeFileSync(join(repository, 'text'), 'the same line\n'.repeat(10_000))
    },
    { settleMs: 20 },
  )
  await network.waitForSnapshot(1)
  return { network, volunteer: await network.volunteer('ada', { holds: [] }) }
}

/** The answer to these asks as one buffer. */
const ask = async (volunteer: HandMadeVolunteer, asks: readonly RangesAsk[]): Promise<Buffer> => {
  const source = {
    name: 'origin',
    send: async (body: Uint8Array) => {
      const answer = await volunteer.post('/-/v1/ranges', Buffer.from(body), true, zstd)
      if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`)
      return (async function* () {
        yield zstdDecompressSync(answer.body)
      })()
    },
  }
  const parts: Uint8Array[] = []
  for await (const part of askSource(source, asks, new AbortController().signal)) parts.push(part)
  return Buffer.concat(parts)
}

t.test('runs and chunk hashes of files of the tree and of kept copies', async t => {
  const { network, volunteer } = await start(t)
  const all = { chunkBytes: coarseChunkBytes, hashBytes: 8, runs: [{ offset: 0, length: 6 }] }
  const fine = { chunkBytes: 1024, hashBytes: 8, runs: [{ offset: 3, length: 2 }] }
  const asks = [
    {
      sha256: hashOf(large),
      runs: [
        { offset: 5, length: 10 },
        { offset: 400_000, length: 1 },
      ],
      chunks: [all, fine],
    },
    { sha256: hashOf(kept), runs: [{ offset: 0, length: 100_000 }] },
  ]
  const expected = Buffer.concat([
    large.subarray(5, 15),
    large.subarray(400_000),
    kernel.chunkHashes(large, coarseChunkBytes),
    kernel.chunkHashes(large.subarray(3072, 5120), 1024),
    kept,
  ])
  t.ok((await ask(volunteer, asks)).equals(expected))

  const database = new DatabaseSync(join(network.data, 'manifest.db'))
  const maps = database.prepare('SELECT hashes FROM chunk_maps ORDER BY length(hashes)').all()
  t.equal(maps.length, 3, 'made when the files were hashed')
  t.ok(Buffer.from(maps.at(-1)?.hashes as Uint8Array).equals(kernel.chunkHashes(large, 65_536)))
  // As a folder made by an older program.
  await network.origin.stop()
  database.exec('DROP TABLE chunk_maps')
  database.close()
  await network.restart()
  t.ok((await ask(volunteer, asks)).equals(expected), 'computed where nothing is stored')
})

t.test('compressed only where that is accepted', async t => {
  const { volunteer } = await start(t)
  const bytes = Buffer.from('the same line\n'.repeat(10_000))
  const body = encodeRequest([
    { sha256: hashOf(bytes), runs: [{ offset: 0, length: bytes.length }] },
  ])
  const small = await volunteer.post('/-/v1/ranges', Buffer.from(body), true, zstd)
  t.equal(small.headers['content-encoding'], 'zstd')
  t.ok(small.body.length < 1000)
  const plain = await volunteer.post('/-/v1/ranges', Buffer.from(body), true)
  t.equal(plain.headers['content-encoding'], undefined)
  t.ok(plain.body.subarray(2).equals(bytes), 'version, status, bytes')
})

t.test('what is not held, gone or changed is not sent', async t => {
  const { network, volunteer } = await start(t)
  const unknown = hashOf(Buffer.from('unknown'))
  const run = { offset: 0, length: 1 }
  await t.rejects(ask(volunteer, [{ sha256: unknown, runs: [run] }]), {
    code: 'MS_CONTENT_NOT_HELD',
  })
  const beyond = { offset: 400_000, length: 2 }
  await t.rejects(ask(volunteer, [{ sha256: hashOf(large), runs: [beyond] }]), {
    code: 'MS_CONTENT_NOT_HELD',
  })
  await network.publish()
  rmSync(join(network.repository, 'large.iso'))
  await t.rejects(ask(volunteer, [{ sha256: hashOf(large), runs: [run] }]), {
    code: 'MS_CONTENT_NOT_HELD',
  })
})

t.test('strangers and nonsense are refused', async t => {
  const { network, volunteer } = await start(t)
  const body = Buffer.from(
    encodeRequest([{ sha256: hashOf(large), runs: [{ offset: 0, length: 1 }] }]),
  )
  const refused = async (status: number, code: string, sent: Promise<unknown>): Promise<void> => {
    t.match(await sent, { status, body: new RegExp(code) }, code)
  }
  const text = async (answer: ReturnType<HandMadeVolunteer['post']>) => {
    const { status, body } = await answer
    return { status, body: body.toString() }
  }
  const post = (sent: Buffer, signed = true) =>
    text(volunteer.post('/-/v1/ranges', sent, signed, zstd))
  await refused(401, 'MS_AUTH_REQUIRED', post(body, false))
  await refused(400, 'MS_REQUEST_INVALID', post(Buffer.alloc(0)))
  await refused(400, 'MS_REQUEST_INVALID', post(Buffer.from('nonsense')))
  await refused(400, 'MS_REQUEST_INVALID', post(Buffer.concat([body, Buffer.of(0)])))
  await refused(413, 'MS_REQUEST_TOO_LARGE', post(Buffer.alloc(rangesRequestBytes + 1)))
  const other = await network.volunteer('bob', { holds: [] })
  Object.assign(other, { name: 'ada' })
  await refused(403, 'MS_AUTH_REFUSED', text(other.post('/-/v1/ranges', body, true)))
})

t.test('many at once wait for their turn', async t => {
  const { volunteer } = await start(t)
  const asks = [{ sha256: hashOf(large), runs: [{ offset: 0, length: 300_000 }] }]
  const answers = await Promise.all(Array.from({ length: 40 }, () => ask(volunteer, asks)))
  t.ok(answers.every(answer => answer.equals(large.subarray(0, 300_000))))
})
