import t from 'tap'
import { intakeStepMs, starvingBytesPerSecond } from '../../core/limits.ts'
import { Intake } from './intake.ts'

t.test('who gets next to nothing starves, and only as long as that is so', t => {
  const intake = new Intake(0)
  for (let nowMs = 200; nowMs <= 1_000; nowMs += 200) {
    intake.received(1)
    intake.look(nowMs)
  }
  t.equal(intake.starvingMs, 1_000)
  intake.received(starvingBytesPerSecond)
  intake.look(1_200)
  t.equal(intake.starvingMs, 0)
  intake.look(1_400)
  intake.begun()
  t.equal(intake.starvingMs, 0)
  t.end()
})

t.test('an own piece that is fetched from the origin, however slowly, is something', t => {
  const intake = new Intake(0)
  intake.ownRequests++
  intake.look(400)
  t.equal(intake.starvingMs, 0)
  intake.ownEnded()
  intake.look(800)
  t.equal(intake.starvingMs, 0, 'it ended since the last look')
  intake.look(1_200)
  t.equal(intake.starvingMs, 400)
  t.end()
})

t.test('a process that had no time itself does not hold that against the others', t => {
  const intake = new Intake(0)
  intake.look(60_000)
  t.equal(intake.starvingMs, intakeStepMs)
  t.end()
})
