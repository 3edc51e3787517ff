import bencode from 'bencode'
import fc from 'fast-check'
import t from 'tap'
import { noise } from '../loadtest/sample/noise.ts'
import { MetadataParts } from './seed-metadata.ts'

const info = Buffer.from(noise('info', 40_000))
const ask = (piece: unknown): Uint8Array => bencode.encode({ msg_type: 0, piece })

/** The dictionary of a message, and what follows it. */
const read = (message: Uint8Array | null) => {
  const bytes = Buffer.from(message ?? [])
  const end = bytes.indexOf('ee') + 2
  return { head: bencode.decode(bytes.subarray(0, end)), part: bytes.subarray(end) }
}

t.test('an info dictionary is given part by part, the last one short', async t => {
  const parts = new MetadataParts(info)
  const got = [0, 1, 2].map(piece => read(parts.answer(ask(piece))))
  t.same(
    got.map(({ head }) => head),
    [0, 1, 2].map(piece => ({ msg_type: 1, piece, total_size: 40_000 })),
  )
  t.ok(Buffer.concat(got.map(({ part }) => part)).equals(info))
})

t.test('what is not there is refused', async t => {
  const parts = new MetadataParts(info)
  for (const piece of [3, -1, 2 ** 40]) {
    t.same(read(parts.answer(ask(piece))).head, { msg_type: 2, piece })
  }
})

t.test('nobody gets it again and again', async t => {
  const parts = new MetadataParts(info)
  let bytes = 0
  for (let round = 0; round < 100; round++) bytes += read(parts.answer(ask(round % 3))).part.length
  t.ok(bytes >= info.length && bytes < 3 * info.length, `${bytes} bytes`)
})

t.test('odd messages are no requests', async t => {
  const parts = new MetadataParts(info)
  const odd = [
    ...[ask('0'), ask([0]), bencode.encode({ msg_type: 1, piece: 0 }), bencode.encode([0])],
    ...[Buffer.from('d8:msg_typei0e5:piecei0e'), Buffer.from('i1e'), Buffer.alloc(0)],
    Buffer.concat([ask(0), Buffer.alloc(5_000)]),
  ]
  for (const message of odd) t.equal(parts.answer(message), null)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), message => {
      const answer = parts.answer(message)
      return answer === null || answer.length < 17_000
    }),
  )
})
