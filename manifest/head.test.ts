import t, { type Test } from 'tap'
import type { RepositoryId, Sha256 } from '../core/ids.ts'
import { generateKeys } from '../core/keys.ts'
import { headLifetimeMs } from '../core/limits.ts'
import { certifyOnlineKey, headNeedsRenewal, repositoryIdOf, signHead, verifyHead } from './head.ts'
import type { Head } from './model.ts'

const root = generateKeys('ed25519')
const online = generateKeys('ed25519')
const nowMs = 1_700_000_000_000
const certificate = certifyOnlineKey(root, online.publicKey, nowMs + 1000)

const part = { sha256: 'ab'.repeat(32) as Sha256, sizeBytes: 100 }
const head: Head = {
  repositoryId: repositoryIdOf(root.publicKey),
  epoch: 2,
  snapshot: 7,
  createdMs: nowMs,
  expiresMs: nowMs + headLifetimeMs,
  checkpoint: { snapshot: 6, segments: [part] },
  differences: [{ ...part, from: 6, to: 7 }],
}

const refused = (t: Test, text: string, reason: RegExp, previous?: Head, atMs = nowMs) =>
  t.throws(() => verifyHead(text, root.publicKey, atMs, previous), {
    code: 'MS_MANIFEST_INVALID',
    message: reason,
  })

t.test('a signed head is believed, by the root key alone', async t => {
  const text = signHead(head, online, certificate)
  t.same(verifyHead(text, root.publicKey, nowMs), head)
  t.same(verifyHead(text, root.publicKey, nowMs, head), head, 'the same again')
})

t.test('a head that anyone altered or signed with another key is refused', async t => {
  const text = signHead(head, online, certificate)
  refused(t, text.replace('\\"snapshot\\":7', '\\"snapshot\\":8'), /not signed by the online key/)
  const stranger = generateKeys('ed25519')
  refused(t, signHead(head, stranger, certificate), /not certified/)
  const own = certifyOnlineKey(stranger, stranger.publicKey, nowMs + 1000)
  refused(t, signHead(head, stranger, own), /not signed by the root key/)
  const other = generateKeys('ed25519')
  t.throws(() => verifyHead(text, other.publicKey, nowMs), { code: 'MS_MANIFEST_INVALID' })
  const swapped = { ...JSON.parse(text), key: stranger.publicKey }
  refused(t, JSON.stringify(swapped), /not certified/)
})

t.test('time limits hold', async t => {
  const expired = { ...head, expiresMs: nowMs }
  refused(t, signHead(expired, online, certificate), /expired/)
  refused(t, signHead(head, online, certificate), /time is over/, undefined, nowMs + 1000)
})

t.test('nothing falls behind what is known', async t => {
  const text = signHead(head, online, certificate)
  refused(t, text, /is older/, { ...head, snapshot: 8 })
  refused(t, text, /is older/, { ...head, epoch: 3, snapshot: 1 })
  t.ok(verifyHead(text, root.publicKey, nowMs, { ...head, epoch: 1, snapshot: 100 }))
})

t.test('a head that is signed but makes no sense is refused', async t => {
  const bad: [Partial<Record<keyof Head, unknown>>, RegExp][] = [
    [{ repositoryId: 'cd'.repeat(32) as RepositoryId }, /another repository/],
    [{ snapshot: 0 }, /./],
    [{ snapshot: -1 }, /bad "snapshot"/],
    [{ epoch: 0 }, /no number/],
    [{ snapshot: 9 }, /contradictory/],
    [{ differences: [] }, /do not meet/],
    [{ differences: 'x' }, /bad "differences"/],
    [{ differences: [null] }, /differences/],
    [{ differences: new Array(40_000).fill({ ...part, from: 6, to: 7 }) }, /bad "differences"/],
    [{ checkpoint: null }, /lacks "checkpoint"/],
    [{ checkpoint: { snapshot: 6, segments: [{ ...part, sha256: '../x' }] } }, /bad part/],
    [{ checkpoint: { snapshot: 6, segments: [{ ...part, sizeBytes: 1e9 }] } }, /bad part/],
  ]
  for (const [change, reason] of bad) {
    const text = signHead({ ...head, ...change } as unknown as Head, online, certificate)
    refused(t, text, reason)
  }
  for (const text of ['', 'null', '[]', '{}', '"x"', '{"payload":1}']) refused(t, text, /the head/)
})

t.test('a head is due for signing again when half its time is over', async t => {
  t.equal(headNeedsRenewal(head, nowMs + headLifetimeMs / 2 - 1), false)
  t.equal(headNeedsRenewal(head, nowMs + headLifetimeMs / 2), true)
})
