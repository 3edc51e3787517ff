import t from 'tap'
import { auditClaimMs, auditClaims } from '../../core/healing-limits.ts'
import type { VolunteerName } from '../../core/ids.ts'
import { addClaim, type Claims, forgetTarget, isCredible, standingOf } from './claims.ts'

const name = (text: string): VolunteerName => text as VolunteerName

/** "ada-bob": ada accuses bob; "ada+bob": ada clears bob. */
const claims = (...said: readonly string[]): Claims =>
  said.reduce<Claims>((list, text, index) => {
    const [reporter = '', sign = '', target = ''] = text.split(/([+-])/)
    const claim = { reporter: name(reporter), target: name(target), wrong: sign === '-' }
    return addClaim(list, { ...claim, atMs: index })
  }, [])

t.test('one alone never convicts', async t => {
  t.match(standingOf(claims('ada-bob'), name('bob')), { convicted: false, disputed: true })
  const often = claims('ada-bob', 'ada-bob', 'ada-bob')
  t.match(standingOf(often, name('bob')), { convicted: false, accusers: ['ada'] })
})

t.test('two that agree convict, unless as many say otherwise', async t => {
  t.match(standingOf(claims('ada-bob', 'cyd-bob'), name('bob')), { convicted: true })
  t.match(standingOf(claims('ada-bob', 'cyd-bob', 'dan+bob'), name('bob')), { convicted: true })
  const even = claims('ada-bob', 'cyd-bob', 'dan+bob', 'eve+bob')
  t.match(standingOf(even, name('bob')), { convicted: false, disputed: true })
  const cleared = claims('ada-bob', 'dan+bob', 'eve+bob')
  t.match(standingOf(cleared, name('bob')), { convicted: false, disputed: false })
})

t.test('who accuses those whom others clear is not believed', async t => {
  const one = claims('ada-bob', 'cyd+bob')
  t.ok(isCredible(one, name('ada')), 'once may be the network between')
  const two = claims('ada-bob', 'cyd+bob', 'ada-cyd', 'bob+cyd')
  t.notOk(isCredible(two, name('ada')))
  t.strictSame(standingOf(two, name('bob')).accusers, [])
  const shared = claims('ada-bob', 'cyd+bob', 'ada-cyd', 'bob+cyd', 'dan-cyd')
  t.ok(isCredible(shared, name('ada')), 'somebody agrees')
})

t.test('the newest word counts, for a day, and memory is bounded', async t => {
  t.match(standingOf(claims('ada-bob', 'cyd-bob', 'ada+bob'), name('bob')), { convicted: false })
  const old = claims('ada-bob')
  const claim = { reporter: name('cyd'), target: name('bob'), wrong: true }
  t.equal(addClaim(old, { ...claim, atMs: auditClaimMs }).length, 1)
  let many: Claims = []
  for (let index = 0; index < auditClaims + 10; index++) {
    many = addClaim(many, { ...claim, reporter: name(`r${index}`), atMs: 0 })
  }
  t.equal(many.length, auditClaims)
  t.strictSame(forgetTarget(claims('ada-bob', 'ada-cyd'), name('bob')).length, 1)
})
