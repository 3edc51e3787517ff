import t from 'tap'
import { workerPauseCeilingMs, workerPauseMs, workerTrialMs } from '../../core/worker-limits.ts'
import { nextPause } from './worker-pause.ts'

t.test('a worker that died is started at once, one that dies again and again ever later', t => {
  t.equal(nextPause(null, workerTrialMs).ms, 0)
  let pause = nextPause(null, 0)
  t.equal(pause.ms, workerPauseMs)
  pause = nextPause(pause, 1)
  t.equal(pause.ms, 2 * workerPauseMs)
  for (let death = 0; death < 50; death++) pause = nextPause(pause, workerTrialMs - 1)
  t.equal(pause.ms, workerPauseCeilingMs)
  pause = nextPause(pause, workerTrialMs)
  t.equal(pause.ms, 0, 'it worked for a while')
  t.equal(nextPause(pause, 0).ms, workerPauseMs)
  t.end()
})
