import t from 'tap'
import { remembersSent, sentNotedEveryMs } from '../../core/healing-limits.ts'
import type { RepoPath, VolunteerName } from '../../core/ids.ts'
import type { FileContent } from '../../manifest/model.ts'
import { RecentSent } from './recent-sent.ts'

const name = 'one' as VolunteerName
const fileOf = (index: number) => ({
  path: `pool/${index}.deb` as RepoPath,
  content: { number: index, sizeBytes: 10 } as FileContent,
})

t.test('the first are all remembered, then a sample over time, and every byte counts', async t => {
  const sent = new RecentSent()
  const pathsNow = () => new Set(sent.filesOf(name).map(({ path }) => String(path)))
  for (let index = 0; index < remembersSent; index++) sent.note(name, fileOf(index), 1_000)
  t.equal(pathsNow().size, remembersSent)
  for (let index = 100; index < 200; index++) sent.note(name, fileOf(index), 1_001)
  t.notOk(pathsNow().has('pool/100.deb'), 'too soon after the others')
  t.equal(sent.bytesOf(name), 10 * (remembersSent + 100))
  for (let turn = 1; turn <= remembersSent; turn++) {
    sent.note(name, fileOf(300 + turn), 1_000 + turn * sentNotedEveryMs)
  }
  t.ok(
    [...pathsNow()].every(path => path.startsWith('pool/3')),
    'the older ones have made room',
  )
  t.equal(pathsNow().size, remembersSent)
  sent.audited(name)
  t.equal(sent.bytesOf(name), 0)
  t.strictSame(sent.filesOf('two' as VolunteerName), [])
})
