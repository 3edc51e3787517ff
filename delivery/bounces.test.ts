import fc from 'fast-check'
import t from 'tap'
import { bounceLifetimeSeconds } from '../core/healing-limits.ts'
import type { RepoPath, Sha256, VolunteerName } from '../core/ids.ts'
import { bounceReasons, parseBounce, signBounce, verifyBounce } from './bounces.ts'
import { type LinkKey, verifyLink } from './links.ts'

const key: LinkKey = { volunteer: 'ada' as VolunteerName, secret: Buffer.alloc(32, 7) }
const target = { path: 'pool/a.deb' as RepoPath, sha256: 'ab'.repeat(32) as Sha256 }
const now = 1_700_000_000

t.test('a bounce says who sent the client back and why', async t => {
  for (const reason of bounceReasons) {
    const text = signBounce(key, { ...target, reason }, now)
    t.match(text, /^[A-Za-z0-9._-]+$/, 'nothing that a client would rewrite')
    const claim = parseBounce(text)
    t.match(claim, { volunteer: 'ada', reason })
    t.ok(claim !== null && verifyBounce(key, claim, target, now))
  }
})

t.test('another volunteer, path, content, reason, key or time is none', async t => {
  const text = signBounce(key, { ...target, reason: 'full' }, now)
  const claim = parseBounce(text)
  if (claim === null) throw new Error('no claim')
  const other = { ...key, secret: Buffer.alloc(32, 8) }
  t.notOk(verifyBounce(other, claim, target, now))
  t.notOk(verifyBounce({ ...key, volunteer: 'bob' as VolunteerName }, claim, target, now))
  t.notOk(verifyBounce(key, { ...claim, volunteer: 'bob' as VolunteerName }, target, now))
  t.notOk(verifyBounce(key, claim, { ...target, path: 'pool/b.deb' as RepoPath }, now))
  t.notOk(verifyBounce(key, claim, { ...target, sha256: 'cd'.repeat(32) as Sha256 }, now))
  t.notOk(verifyBounce(key, { ...claim, reason: 'not held' }, target, now))
  t.notOk(verifyBounce(key, claim, target, now + bounceLifetimeSeconds + 1), 'too late')
  t.notOk(verifyBounce(key, claim, target, now - 2 * bounceLifetimeSeconds), 'too early')
})

t.test('nonsense is no claim and harms nobody', async t => {
  for (const text of [
    '',
    'ada',
    'ada.n',
    'ada.x.1.AAAAAAAAAAAAAAAAAAAAAA',
    'ADA.n.1.A',
    '-.n.1.A',
  ]) {
    t.equal(parseBounce(text), null, text)
  }
  fc.assert(
    fc.property(fc.string(), text => {
      const claim = parseBounce(text)
      return claim === null || !verifyBounce(key, claim, target, now)
    }),
  )
})

t.test('a bounce is no link', async t => {
  const text = signBounce(key, { ...target, reason: 'full' }, now)
  t.match(verifyLink(key, target.path, `direct=${text}`, now), { ok: false, reason: 'unsigned' })
})
