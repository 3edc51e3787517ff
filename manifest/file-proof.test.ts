import t from 'tap'
import type { RepoPath, Sha256 } from '../core/ids.ts'
import { generateKeys } from '../core/keys.ts'
import { claimedRootKey, type FileClaim, signFileProof, verifyFileProof } from './file-proof.ts'
import { certifyOnlineKey, repositoryIdOf } from './head.ts'

const root = generateKeys('ed25519')
const online = generateKeys('ed25519')
const path = 'pool/a%20b' as RepoPath
const vouch = {
  rootKey: root.publicKey,
  certificate: certifyOnlineKey(root, online.publicKey, 2000),
}
const claim: FileClaim = {
  repositoryId: repositoryIdOf(root.publicKey),
  epoch: 1,
  snapshot: 3,
  path,
  sha256: 'ab'.repeat(32) as Sha256,
  sizeBytes: 7,
  expiresMs: 1500,
}
const text = signFileProof(claim, online, vouch)
const expected = { rootKey: root.publicKey, path }
const refused = { code: 'MS_MANIFEST_INVALID' }

t.test('what the origin signed holds for this path, this key and this time', async t => {
  t.strictSame(verifyFileProof(text, expected, 1000), claim)
  t.equal(claimedRootKey(text), root.publicKey)
  t.throws(() => verifyFileProof(text, { ...expected, path: 'pool/a' as RepoPath }, 1000), refused)
  t.throws(() => verifyFileProof(text, expected, 1500), refused, 'expired')
  t.throws(() => verifyFileProof(text, expected, 2500), refused, 'the certificate too')
  const other = generateKeys('ed25519')
  t.throws(() => verifyFileProof(text, { ...expected, rootKey: other.publicKey }, 1000), refused)
})

t.test('forgeries are refused', async t => {
  const other = generateKeys('ed25519')
  const forge = (change: Record<string, unknown>) =>
    JSON.stringify({ ...JSON.parse(text), ...change })
  const forged = [
    '',
    '{}',
    'null',
    forge({ payload: JSON.stringify({ ...claim, sha256: 'cd'.repeat(32) }) }),
    forge({ signature: 'x' }),
    forge({ key: other.publicKey }),
    signFileProof(claim, other, vouch),
    signFileProof({ ...claim, sha256: 'x' as Sha256 }, online, vouch),
    signFileProof({ ...claim, sizeBytes: -1 }, online, vouch),
    signFileProof({ ...claim, repositoryId: repositoryIdOf(other.publicKey) }, online, vouch),
  ]
  for (const each of forged) t.throws(() => verifyFileProof(each, expected, 1000), refused)
  t.throws(() => claimedRootKey('[]'), refused)
})
