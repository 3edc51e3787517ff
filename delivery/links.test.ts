import fc from 'fast-check'
import t from 'tap'
import type { RepoPath, Sha256, VolunteerName } from '../core/ids.ts'
import { linkLifetimeSeconds } from '../core/limits.ts'
import { type LinkKey, linkExpiry, signLink, verifyLink } from './links.ts'

const key: LinkKey = { volunteer: 'chemistry' as VolunteerName, secret: Buffer.alloc(32, 7) }
const path = 'pool/main/g%2B%2B.deb' as RepoPath
const sha256 = 'ab'.repeat(32) as Sha256
const now = 1_800_000_000
const link = signLink(key, { path, sha256, expiresSeconds: linkExpiry(now) })

t.test('a link has this form for ever', async t => {
  t.equal(link, 'c=q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s&e=tro9tc&s=tiEiKSYrb3hvkAl-EAra2A')
})

t.test(
  'a genuine link is accepted until it expires, then told apart from a forged one',
  async t => {
    const expires = linkExpiry(now)
    t.strictSame(verifyLink(key, path, link, now), { ok: true, sha256 })
    t.strictSame(verifyLink(key, path, `?${link}`, expires), { ok: true, sha256 })
    t.strictSame(verifyLink(key, path, link, expires + 1), { ok: false, reason: 'expired', sha256 })
  },
)

t.test('order and further parameters do not matter', async t => {
  const [c, e, s] = link.split('&')
  t.ok(verifyLink(key, path, `x=1&${s}&utm&${c}&=&${e}&&direct`, now).ok)
})

t.test('a link for another volunteer, path, content, secret or time is forged', async t => {
  const forged = { ok: false, reason: 'forged' }
  const others: LinkKey[] = [
    { ...key, volunteer: 'physics' as VolunteerName },
    { ...key, secret: Buffer.alloc(32, 8) },
  ]
  for (const other of others) t.strictSame(verifyLink(other, path, link, now), forged)
  t.strictSame(verifyLink(key, `${path}x` as RepoPath, link, now), forged)
  const moved = link.replace(/e=[0-9a-z]+/, `e=${(linkExpiry(now) + 600).toString(36)}`)
  t.strictSame(verifyLink(key, path, moved, now), forged)
  const content = Buffer.alloc(32).toString('base64url')
  t.strictSame(verifyLink(key, path, link.replace(/c=[^&]+/, `c=${content}`), now), forged)
})

t.test('no signature at all is unsigned, a part of one or a repeated one is forged', async t => {
  for (const query of ['', '?', 'direct', 'sha256&x=y', '&&&']) {
    t.strictSame(verifyLink(key, path, query, now), { ok: false, reason: 'unsigned' }, query)
  }
  const [c, e, s] = link.split('&')
  const garbage = [
    `${c}&${e}`,
    `${s}`,
    'c',
    'c=&e=&s=',
    `${link}&${s}`,
    `${link}&c`,
    `${c}&${link}`,
  ]
  for (const query of [...garbage, link.replace('s=', 's=.'), `${link}=`, `${link}%00`]) {
    t.strictSame(verifyLink(key, path, query, now), { ok: false, reason: 'forged' }, query)
  }
})

t.test('every other spelling of the same bits is refused', async t => {
  const spelled = (name: string, digits: string) =>
    link.replace(new RegExp(`${name}=[^&]+`), digits)
  const c = /c=([^&]+)/.exec(link)?.[1] ?? ''
  const same = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
    .map(digit => c.slice(0, -1) + digit)
    .filter(text => text !== c && Buffer.from(text, 'base64url').toString('hex') === sha256)
  t.equal(same.length, 3, 'the last digit of 32 bytes has two spare bits')
  for (const text of same) t.notOk(verifyLink(key, path, spelled('c', `c=${text}`), now).ok)
  t.notOk(verifyLink(key, path, spelled('e', 'e=0tro9tc'), now).ok)
  t.notOk(verifyLink(key, path, spelled('e', 'e=TRO9TC'), now).ok)
})

t.test('whatever the query, judging it does not throw and only genuine links pass', async () => {
  const piece = fc.oneof(
    fc.constantFrom('c=', 'e=', 's=', '&', '=', '%', link, ...link.split('&')),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), pieces => {
      const query = pieces.join('')
      const verdict = verifyLink(key, path, query, now)
      return !verdict.ok || link.split('&').every(part => query.includes(part))
    }),
  )
})

t.test('what is signed verifies, for every path, content and time', async () => {
  fc.assert(
    fc.property(
      fc.webPath(),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.integer({ min: 1, max: 2 ** 40 }),
      (anyPath, hash, seconds) => {
        const target = {
          path: anyPath as RepoPath,
          sha256: Buffer.from(hash).toString('hex') as Sha256,
          expiresSeconds: linkExpiry(seconds),
        }
        const query = signLink(key, target)
        const verdict = verifyLink(key, target.path, query, seconds)
        return verdict.ok && verdict.sha256 === target.sha256 && /^[A-Za-z0-9_=&-]+$/.test(query)
      },
    ),
  )
})

t.test('links made in the same window are equal and live at least as long as promised', async t => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 40 }), seconds => {
      const life = linkExpiry(seconds) - seconds
      return life > linkLifetimeSeconds && life <= 2 * linkLifetimeSeconds
    }),
  )
  const start = Math.ceil(now / linkLifetimeSeconds) * linkLifetimeSeconds
  t.equal(linkExpiry(start), linkExpiry(start + linkLifetimeSeconds - 1))
})
