import t from 'tap'
import { ProgressLine, progressBar } from './progress-line.ts'

const watch = (interactive: boolean) => {
  const lines: string[] = []
  let nowMs = 0
  const io = {
    interactive,
    note: (text: string) => void lines.push(text),
    draw: (text: string) => void lines.push(text),
  }
  const progress = new ProgressLine(io, { monotonicMs: () => nowMs })
  return {
    lines,
    at: (ms: number) => {
      nowMs = ms
      progress.show('hashing', ms, 40_000)
    },
    end: () => progress.end(),
  }
}

t.test('the bar is full at the end and never beyond', async t => {
  t.match(progressBar(0, 10), /^\[-+\] {3}0 %$/)
  t.match(progressBar(5, 10), /^\[#{12}-{12}\] {2}50 %$/)
  t.match(progressBar(10, 10), /^\[#+\] 100 %$/)
  t.match(progressBar(11, 10), /^\[#+\] 100 %$/)
  t.match(progressBar(0, 0), / {3}0 %$/)
})

t.test('a terminal sees a bar that is drawn over, and removed in the end', async t => {
  const { lines, at, end } = watch(true)
  for (const ms of [0, 50, 100, 150, 200]) at(ms)
  t.equal(lines.length, 3, 'not more often than ten times a second')
  end()
  t.equal(lines.at(-1), '')
})

t.test('elsewhere there is now and then a line, and none for what is over soon', async t => {
  const { lines, at, end } = watch(false)
  for (const ms of [0, 5000, 9999]) at(ms)
  t.same(lines, [])
  at(20_000)
  at(21_000)
  end()
  t.same(lines, ['hashing: 20 kB of 40 kB'])
})
