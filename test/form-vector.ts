// The sample of docs/PROTOCOL.md for unpacked forms of gzip files, and for a request and an answer
// that have one.

import { gunzipSync } from 'node:zlib'
import type { Sha256 } from '../core/ids.ts'
import { kernel } from '../core/kernel/kernel.ts'
import { sha256Hex } from '../core/keys.ts'
import { ChunkCache } from '../prsync/chunk-cache.ts'
import { encodeRequest } from '../prsync/logic/ranges-wire.ts'
import { RangesAnswerer } from '../prsync/ranges-answer.ts'
import { bytesOfForm, formInMemory, packedInMemory } from '../prsync/unpacked/test-form.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** As `gzip -9n` made it; the compressor of the day may make another one. */
const file = Buffer.from(
  '1f8b0800000000000203' +
    '0b484cce4e4c4fb552c8cf4be50a4b2d2acecccfb35230d433e0e20a80499594e7234b19224b6514a5a2e90300' +
    'baacdbbb52000000',
  'hex',
)

export const formVector = async (): Promise<string> => {
  const form = formInMemory(file)
  if (typeof form === 'string') throw new Error(form)
  const packed = packedInMemory(form)
  if (typeof packed === 'string' || !packed.equals(file)) throw new Error('not the file again')
  if (!gunzipSync(file).equals(form.text)) throw new Error('not its text')
  const bytes = bytesOfForm(form)
  const [textBytes, tokenBytes, frameBytes] = [form.text, form.tokens, form.frame].map(
    part => part.length,
  ) as [number, number, number]
  const opened = {
    sizeBytes: bytes.length,
    shape: { textBytes, tokenBytes, frameBytes },
    coarse: null,
    read: async (offset: number, length: number) => bytes.subarray(offset, offset + length),
    close: async () => undefined,
  }
  const source = { open: async () => null, openForm: async () => opened }
  const answerer = new RangesAnswerer({ source, kernel, cache: new ChunkCache(1024) })
  const chunks = [{ chunkBytes: 64, hashBytes: 8, runs: [{ offset: 0, length: 1 }] }]
  const sha256 = sha256Hex(file) as Sha256
  const request = encodeRequest([{ sha256, form: true, chunks }])
  const answer: Buffer[] = []
  for await (const part of answerer.answer(request, new AbortController().signal)) answer.push(part)
  return [
    `file ${hex(file)}`,
    `text ${JSON.stringify(form.text.toString())}`,
    `tokens ${hex(form.tokens)}`,
    `frame ${hex(form.frame)}`,
    `request ${hex(request)}`,
    `answer ${hex(Buffer.concat(answer))}`,
  ].join('\n')
}
