import fc from 'fast-check'
import t from 'tap'
import { claimedPieces } from '../core/limits.ts'
import { decodeShareMessage, encodeShareMessage, type ShareMessage } from './share-message.ts'

t.test('the bytes are those of docs/PROTOCOL.md', t => {
  const wants = encodeShareMessage({ kind: 'wants', pieces: Buffer.from([0xa0, 0x80]) })
  t.equal(wants.toString('hex'), '01a080')
  const fetching = encodeShareMessage({ kind: 'fetching', pieces: [2, 258], asks: true })
  t.equal(fetching.toString('hex'), '02010000000200000102')
  t.end()
})

t.test('what is encoded is decoded', t => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5000 }),
      fc.array(fc.nat(4999), { maxLength: 50 }),
      fc.boolean(),
      (pieceCount, some, asks) => {
        const pieces = some.filter(piece => piece < pieceCount)
        const messages: ShareMessage[] = [
          { kind: 'fetching', pieces, asks },
          { kind: 'wants', pieces: Buffer.alloc(Math.ceil(pieceCount / 8), pieces.length) },
        ]
        for (const message of messages) {
          t.strictSame(decodeShareMessage(encodeShareMessage(message), pieceCount), message)
        }
      },
    ),
  )
  t.end()
})

t.test('what a later version says is passed over, and rubbish is refused', t => {
  const decode = (hex: string) => decodeShareMessage(Buffer.from(hex, 'hex'), 16)
  t.equal(decode(''), null)
  t.equal(decode('03aabb'), null)
  for (const hex of [
    '01',
    '01aa',
    '01aabbcc',
    '02',
    '0201000000',
    '020100000010',
    '0201ffffffff',
  ]) {
    t.throws(() => decode(hex), hex)
  }
  const many = Buffer.alloc(2 + 4 * (claimedPieces + 1))
  many[0] = 2
  t.throws(() => decodeShareMessage(many, 16))
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.integer({ min: 1, max: 400 }),
      (data, count) => {
        try {
          const message = decodeShareMessage(data, count)
          return message?.kind !== 'fetching' || message.pieces.every(piece => piece < count)
        } catch {
          return true
        }
      },
    ),
  )
  t.end()
})
