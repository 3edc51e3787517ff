import t from 'tap'
import { afterFailure, type Guesses, guessPause } from './guesses.ts'

t.test('the first failures are free, then the pause doubles up to a minute', async t => {
  let known: Guesses | undefined
  for (let count = 0; count < 10; count++) {
    t.equal(guessPause(known, 10, 0), 0)
    known = afterFailure(known, 0)
  }
  t.equal(guessPause(known, 10, 0), 1000)
  t.equal(guessPause(known, 10, 400), 600)
  t.equal(guessPause(known, 10, 1000), 0)
  known = afterFailure(known, 1000)
  t.equal(guessPause(known, 10, 1000), 2000)
  for (let count = 0; count < 2000; count++) known = afterFailure(known, 1000)
  t.equal(guessPause(known, 10, 1000), 60_000, 'also after very many')
})

t.test('failures are forgotten after a quiet while', async t => {
  let known: Guesses | undefined
  for (let count = 0; count < 50; count++) known = afterFailure(known, 0)
  known = afterFailure(known, 3_600_000)
  t.equal(known.failures, 1)
})
