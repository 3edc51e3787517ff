import t from 'tap'
import { compareJobs, nextJob, type TransferJob } from './queue.ts'

const job = (key: string, more: Partial<TransferJob> = {}): TransferJob => ({
  key,
  source: { kind: 'content', content: 1 },
  newestSnapshot: 1,
  missingBytes: 10,
  failures: 0,
  notBeforeMs: 0,
  ...more,
})

t.test('the newest snapshot goes first, then the largest', async t => {
  const jobs = [
    job('old large', { missingBytes: 99 }),
    job('new small', { newestSnapshot: 2, missingBytes: 1 }),
    job('new large', { newestSnapshot: 2 }),
  ].sort(compareJobs)
  t.strictSame(
    jobs.map(each => each.key),
    ['new large', 'new small', 'old large'],
  )
})

t.test('a job that does not fit or failed lately is passed over', async t => {
  const jobs = [job('big', { missingBytes: 100 }), job('failed', { notBeforeMs: 50 }), job('ok')]
  t.match(nextJob(jobs, 10, 50), { kind: 'start', job: { key: 'ok' } })
})

t.test('it is told what is waited for', async t => {
  t.strictSame(nextJob([], 0, 0), { kind: 'none' })
  t.strictSame(nextJob([job('a', { notBeforeMs: 70 }), job('b', { notBeforeMs: 60 })], 0, 99), {
    kind: 'wait',
    untilMs: 60,
  })
  t.strictSame(nextJob([job('a'), job('b', { missingBytes: 7 })], 0, 5), {
    kind: 'no space',
    neededBytes: 7,
  })
  t.strictSame(nextJob([job('a')], 0, -1), { kind: 'no space', neededBytes: 10 })
})
