import fc from 'fast-check'
import t from 'tap'
import { beatText, eventText, parseEvents, parseStart, type StreamEvent } from './event-text.ts'

const read = (parts: readonly string[]): StreamEvent[] => {
  let state = parseStart()
  const all: StreamEvent[] = []
  for (const part of parts) {
    const parsed = parseEvents(state, part)
    state = parsed.state
    all.push(...parsed.events)
  }
  return all
}

/** Cut a text at some places. */
const cut = (text: string, places: readonly number[]): string[] => {
  const sorted = [...new Set(places.map(place => place % (text.length + 1)))].sort((a, b) => a - b)
  return [...sorted, text.length].map((end, index) => text.slice(sorted[index - 1] ?? 0, end))
}

t.test('what is written is read, however it is cut on its way', async t => {
  const event = fc.record({
    id: fc.nat().map(String),
    event: fc.stringMatching(/^[a-z]{1,9}$/),
    data: fc.string({ unit: 'binary' }).map(text => text.replace(/\r\n?/g, '\n')),
  })
  fc.assert(
    fc.property(fc.array(event), fc.array(fc.nat()), (events, places) => {
      const text = beatText + events.map(each => eventText(each) + beatText).join('')
      t.same(read(cut(text, places)), events)
    }),
    { numRuns: 200 },
  )
})

t.test('other writers are understood as the standard says', async t => {
  t.same(read(['data:a\r\ndata: b\rdata:  c\n\r', '\n']), [{ event: '', data: 'a\nb\n c' }])
  t.same(read(['\ufeff: x\n\nid\nevent: e\nunknown: 1\n\n']), [], 'no data: no event')
  t.same(read(['id: 1\0\ndata: x\n\n']), [{ event: '', data: 'x' }], 'an id without NUL only')
  t.same(read(['data: half']), [], 'what has not ended is none yet')
})
