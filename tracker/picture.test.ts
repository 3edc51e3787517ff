import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { VolunteerName } from '../core/ids.ts'
import { type NetworkEvent, parseNetworkEvent } from './events.ts'
import { pictureBytes } from './fixtures/picture-bytes.ts'
import { repositoryId, sampleRecord } from './fixtures/samples.ts'
import { Holdings } from './holdings.ts'
import { applyEvent, emptyNetwork } from './logic/network-state.ts'
import { decodePicture, PictureTaking } from './picture.ts'

const sample = () => {
  const network = emptyNetwork()
  const file = join(import.meta.dirname, 'golden/events.ndjson')
  for (const line of readFileSync(file, 'utf8').trimEnd().split('\n')) {
    applyEvent(network, parseNetworkEvent(JSON.parse(line)))
  }
  return network
}

t.test('by lines or as one, it is the same picture', async t => {
  const bytes = pictureBytes(sample())
  t.ok(bytes.includes('\n'))
  const whole = Buffer.from(JSON.stringify(JSON.parse(bytes.toString())))
  t.strictSame(pictureBytes(decodePicture([bytes])), bytes)
  t.strictSame(pictureBytes(decodePicture([whole])), bytes)
  const empty = pictureBytes(emptyNetwork())
  t.strictSame(decodePicture([empty]), emptyNetwork())
})

t.test('a picture that lost its end, or lines of it, is refused', async t => {
  const bytes = pictureBytes(sample())
  fc.assert(
    fc.property(fc.integer({ min: 0, max: bytes.length - 1 }), length => {
      try {
        decodePicture([bytes.subarray(0, length)])
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
    t.throws(() => decodePicture([Buffer.from(some.join('\n'))]), { code: 'MS_DATA_CORRUPT' })
  }
})

t.test('a picture may be cut anywhere into parts', async t => {
  const bytes = pictureBytes(sample())
  const cuts = fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 8 })
  fc.assert(
    fc.property(cuts, places => {
      const ends = [...places.toSorted((a, b) => a - b), bytes.length]
      const parts = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
      t.strictSame(decodePicture(parts), decodePicture([bytes]))
    }),
    { numRuns: 50 },
  )
})

t.test('what changes while a picture is taken is not in it', async t => {
  const snapshot = { type: 'snapshot', repositoryId, epoch: 1, number: 1 } as const
  const names = ['a', 'b', 'c', 'd'] as VolunteerName[]
  const holds = (name: VolunteerName, version: number, contents: Holdings): NetworkEvent => ({
    ...{ type: 'holdings', name, repositoryId, epoch: 1, session: 's', version },
    after: version === 1 ? null : { session: 's', version: version - 1 },
    containers: contents.encode(),
  })
  const withdrawn = (name: VolunteerName): NetworkEvent => ({
    ...{ type: 'withdrawn', name, repositoryId, epoch: 1, content: 1 },
  })
  const change = (name: VolunteerName, kind: number, version: number): NetworkEvent => {
    if (kind === 0) return { type: 'removed', name }
    if (kind === 1) return { type: 'enrolled', volunteer: sampleRecord(name, { weight: 7 }) }
    if (kind === 2) return { ...snapshot, number: 1 + version }
    if (kind === 3) return { ...snapshot, epoch: 2, number: 1 }
    return kind === 4 ? withdrawn(name) : holds(name, version, Holdings.of([version]))
  }
  const steps = fc.array(fc.record({ who: fc.nat(3), kind: fc.nat(6), pause: fc.boolean() }))
  fc.assert(
    fc.property(steps, changes => {
      const network = emptyNetwork()
      applyEvent(network, snapshot)
      for (const name of names) {
        applyEvent(network, { type: 'enrolled', volunteer: sampleRecord(name) })
        applyEvent(network, holds(name, 1, Holdings.of([1, 70_000])))
      }
      const before = decodePicture([pictureBytes(network)])
      const taking = new PictureTaking(network)
      const parts = taking.parts()
      const taken: Buffer[] = []
      let version = 2
      for (const { who, kind, pause } of changes) {
        const part = pause ? parts.next().value : undefined
        if (part !== undefined) taken.push(part)
        const event = change(names[who] as VolunteerName, kind, version++)
        if (event.type === 'holdings' || event.type === 'withdrawn') taking.keep(event.name)
        applyEvent(network, event)
      }
      taken.push(...parts)
      const after = decodePicture(taken)
      t.strictSame(after.snapshot, before.snapshot)
      for (const name of names) {
        t.strictSame(after.volunteers.get(name), before.volunteers.get(name))
      }
      t.equal(after.volunteers.size, names.length)
    }),
    { numRuns: 100 },
  )
})
