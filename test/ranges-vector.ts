// The sample of docs/PROTOCOL.md for requests and answers of ranges, made by what daemons use.

import type { Sha256 } from '../core/ids.ts'
import { kernel } from '../core/kernel/kernel.ts'
import { sha256Hex } from '../core/keys.ts'
import { ChunkCache } from '../prsync/chunk-cache.ts'
import { encodeRequest } from '../prsync/logic/ranges-wire.ts'
import { RangesAnswerer } from '../prsync/ranges-answer.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

export const rangesVector = async (): Promise<string> => {
  const count = Math.ceil(65_636 / 32)
  const parts = Array.from({ length: count }, (_, i) => Buffer.from(sha256Hex(String(i)), 'hex'))
  const bytes = Buffer.concat(parts).subarray(0, 65_636)
  const stream = kernel.anchors()
  const anchors = Buffer.concat([stream.update(bytes), stream.end()])
  const sha256 = sha256Hex(bytes) as Sha256
  const runs = [
    { offset: 64, length: 128 },
    { offset: 65_600, length: 36 },
  ]
  const chunks = [
    { chunkBytes: 65_536, hashBytes: 8, runs: [{ offset: 0, length: 1 }] },
    { chunkBytes: 64, hashBytes: 3, runs: [{ offset: 0, length: 2 }] },
  ]
  const request = encodeRequest([{ sha256, runs, chunks }])
  const read = async (offset: number, length: number): Promise<Buffer> =>
    bytes.subarray(offset, offset + length)
  const close = async (): Promise<void> => undefined
  const open = { sizeBytes: bytes.length, coarse: null, read, close }
  const cache = new ChunkCache(1024)
  const answerer = new RangesAnswerer({ source: { open: async () => open }, kernel, cache })
  const answer: Buffer[] = []
  for await (const part of answerer.answer(request, new AbortController().signal)) answer.push(part)
  return [
    `chunk ${hex(kernel.chunkHashes(bytes, 65_536))}`,
    `chunk ${hex(kernel.chunkHashes(bytes.subarray(0, 64), 64))}`,
    `anchors ${hex(anchors.subarray(0, 20))}`,
    `request ${hex(request)}`,
    `answer ${hex(Buffer.concat(answer))}`,
  ].join('\n')
}
