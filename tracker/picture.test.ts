import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { parseNetworkEvent } from './events.ts'
import { applyEvent, emptyNetwork } from './logic/network-state.ts'
import { decodePicture, encodePicture } from './picture.ts'

const sample = () => {
  const network = emptyNetwork()
  const file = join(import.meta.dirname, 'golden/events.ndjson')
  for (const line of readFileSync(file, 'utf8').trimEnd().split('\n')) {
    applyEvent(network, parseNetworkEvent(JSON.parse(line)))
  }
  return network
}

t.test('by lines or as one, it is the same picture', async t => {
  const { bytes } = encodePicture(sample())
  t.ok(bytes.includes('\n'))
  const whole = Buffer.from(JSON.stringify(JSON.parse(bytes.toString())))
  t.strictSame(encodePicture(decodePicture(bytes)).bytes, bytes)
  t.strictSame(encodePicture(decodePicture(whole)).bytes, bytes)
  const empty = encodePicture(emptyNetwork()).bytes
  t.strictSame(decodePicture(empty), emptyNetwork())
})

t.test('a picture that lost its end, or lines of it, is refused', async t => {
  const { bytes } = encodePicture(sample())
  fc.assert(
    fc.property(fc.integer({ min: 0, max: bytes.length - 1 }), length => {
      try {
        decodePicture(bytes.subarray(0, length))
        return false
      } catch (error) {
        return error instanceof Error && 'code' in error && error.code === 'MS_DATA_CORRUPT'
      }
    }),
  )
  const lines = bytes.toString().split('\n')
  const odd = [
    [lines[0], 'null', ']}'],
    [lines[0], '{}', ']}'],
    [lines[0], lines[1], lines[1]],
  ]
  for (const some of odd) {
    t.throws(() => decodePicture(Buffer.from(some.join('\n'))), { code: 'MS_DATA_CORRUPT' })
  }
})
