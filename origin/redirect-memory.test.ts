import t from 'tap'
import { RedirectMemory } from './redirect-memory.ts'

const request = (client: string, path: string, range?: string) => ({ client, path, range })
const repeat = { tried: [4], served: false, offset: 0, sinceMs: 1, untilMs: 2 }

t.test('resuming repeats the whole file, fetching one bounded part does not', async t => {
  const memory = new RedirectMemory()
  memory.setRepeat(request('ada', 'a.iso'), repeat)
  t.strictSame(memory.repeat(request('ada', 'a.iso')), repeat)
  t.strictSame(memory.repeat(request('ada', 'a.iso', 'bytes=1234-')), repeat)
  for (const range of ['bytes=0-99', 'bytes=-99', 'bytes=0-,5-']) {
    t.equal(memory.repeat(request('ada', 'a.iso', range)), undefined, range)
  }
  memory.setRepeat(request('ada', 'a.iso', 'bytes=0-99'), { ...repeat, tried: [9] })
  t.equal(memory.repeat(request('ada', 'a.iso', 'bytes=100-199')), undefined)
  t.strictSame(memory.repeat(request('ada', 'a.iso')), repeat)
  memory.setRepeat(request('ada', 'a.iso'), undefined)
  t.equal(memory.repeat(request('ada', 'a.iso')), undefined)
})

t.test('other clients and paths are others', async t => {
  const memory = new RedirectMemory()
  memory.setRepeat(request('ada', 'a.iso'), repeat)
  t.equal(memory.repeat(request('bob', 'a.iso')), undefined)
  t.equal(memory.repeat(request('ada', 'b.iso')), undefined)
  t.equal(memory.repeat(request('adaa', '.iso')), undefined)
  memory.stick(request('ada', 'a.iso'), 7, 10)
  t.equal(memory.sticky(request('ada', 'b.iso'), 5), 7, 'whatever the path')
  t.equal(memory.sticky(request('bob', 'a.iso'), 5), null)
})

t.test('a volunteer has one number in one memory, and another elsewhere', async t => {
  const memory = new RedirectMemory()
  t.equal(memory.numberOf('ada'), memory.numberOf('ada'))
  t.not(memory.numberOf('ada'), memory.numberOf('bob'))
  const numbers = new Set(Array.from({ length: 8 }, () => new RedirectMemory().numberOf('ada')))
  t.ok(numbers.size > 1)
})
