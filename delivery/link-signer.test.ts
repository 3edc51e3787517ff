import fc from 'fast-check'
import t from 'tap'
import type { RepoPath, Sha256, VolunteerName } from '../core/ids.ts'
import { LinkSigner, linkContent } from './link-signer.ts'
import { signLink, verifyLink } from './links.ts'

t.test('a quick signature is the same as a slow one', async t => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 0, maxLength: 100 }),
      fc.stringMatching(/^[a-z0-9/%._~-]{1,300}$/),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.integer({ min: 1, max: 2 ** 40 }),
      (secret, path, hash, expiresSeconds) => {
        const key = { volunteer: 'ada' as VolunteerName, secret }
        const sha256 = Buffer.from(hash).toString('hex') as Sha256
        const target = { path: path as RepoPath, sha256, expiresSeconds }
        const signer = new LinkSigner(key)
        const link = signer.sign(target)
        t.equal(link, signLink(key, target))
        t.equal(signer.sign(target, linkContent(sha256)), link)
        t.same(verifyLink(key, target.path, link, expiresSeconds), { ok: true, sha256 })
      },
    ),
  )
})

t.test('a path that no request can have is refused instead of cut', async t => {
  const signer = new LinkSigner({ volunteer: 'ada' as VolunteerName, secret: Buffer.alloc(32) })
  const path = 'x'.repeat(20_000) as RepoPath
  const sha256 = 'ab'.repeat(32) as Sha256
  t.throws(() => signer.sign({ path, sha256, expiresSeconds: 1 }), RangeError)
})
