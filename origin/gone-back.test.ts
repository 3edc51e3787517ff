import t from 'tap'
import type { RepositoryId, VolunteerName } from '../core/ids.ts'
import type { ManifestPosition } from '../tracker/messages.ts'
import { GoneBack, isAhead } from './gone-back.ts'

const at = (epoch: number, snapshot: number, repositoryId = 'ours'): ManifestPosition => ({
  ...{ repositoryId: repositoryId as RepositoryId, epoch, snapshot },
})

t.test('only a later state of the same repository is ahead', async t => {
  t.ok(isAhead(at(1, 3), at(1, 2)))
  t.ok(isAhead(at(2, 1), at(1, 9)))
  for (const theirs of [at(1, 2), at(1, 1), at(9, 9, 'another'), null]) {
    t.notOk(isAhead(theirs, at(1, 2)))
  }
  t.notOk(isAhead(at(1, 3), at(2, 1)), 'an epoch that is over')
  t.notOk(isAhead(at(1, 3), null))
})

t.test('it is said once in ten minutes, whoever announces', async t => {
  const said: object[] = []
  let nowMs = 0
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs }
  const logger = { error: (fields: object) => void said.push(fields) }
  const goneBack = new GoneBack({ clock, logger, own: () => at(1, 2) } as ConstructorParameters<
    typeof GoneBack
  >[0])
  for (const name of ['ada', 'bob']) goneBack.heard(name as VolunteerName, at(1, 5))
  goneBack.heard('ada' as VolunteerName, at(1, 2))
  t.same(said, [{ volunteer: 'ada', theirs: [1, 5], own: [1, 2] }])
  nowMs = 600_000
  goneBack.heard('ada' as VolunteerName, at(1, 5))
  t.equal(said.length, 2)
})
