import t from 'tap'
import { Bars, renderBar } from './bars.ts'

const progress = (doneBytes: number, note = 'syncing') => ({
  name: 'a',
  doneBytes,
  totalBytes: 100,
  note,
})

t.test('a bar shows its share, and never more than all', t => {
  t.match(renderBar(progress(50), 3), `a   ${'█'.repeat(15)}${'░'.repeat(15)}  50 %`)
  t.match(renderBar(progress(200), 1), '100 %')
  t.match(renderBar({ ...progress(0), totalBytes: 0 }, 1), '  0 %')
  t.end()
})

t.test('without a terminal only news are printed, without control sequences', t => {
  let text = ''
  const bars = new Bars({ interactive: false, columns: 80, write: part => (text += part) })
  for (const done of [0, 1, 2, 30, 31, 100]) bars.show([progress(done)])
  bars.show([progress(100, 'synced')])
  bars.show([progress(100, 'synced')])
  t.equal(text.split('\n').length - 1, 4)
  t.notMatch(text, '\u001b')
  t.end()
})

t.test('on a terminal each picture replaces the former one', t => {
  const written: string[] = []
  const bars = new Bars({ interactive: true, columns: 40, write: part => written.push(part) })
  bars.show([progress(1), progress(2)])
  bars.show([progress(3), progress(4)])
  t.notMatch(written[0], '\u001b[2A')
  t.ok(written[1]?.startsWith('\u001b[2A'))
  t.end()
})
