import { randomBytes } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { isMirrorswarmError } from './errors.ts'
import {
  agreeOnSecret,
  generateKeys,
  importPublicKey,
  loadOrCreateKeys,
  sha256Hex,
  signText,
  verifyText,
} from './keys.ts'

t.test('a signature holds for its text and key alone', async t => {
  const own = generateKeys('ed25519')
  const other = generateKeys('ed25519')
  const publicKey = importPublicKey(own.publicKey, 'ed25519')
  const signature = signText('hello', own.privateKey)
  t.ok(verifyText('hello', signature, publicKey))
  t.notOk(verifyText('hellO', signature, publicKey))
  t.notOk(verifyText('hello', signText('hello', other.privateKey), publicKey))
  for (const nonsense of ['', 'AA', 'not base64 !', signature.slice(0, -4), `${signature}AAAA`]) {
    t.notOk(verifyText('hello', nonsense, publicKey), nonsense)
  }
})

t.test('both sides agree on one secret for each purpose', async t => {
  const here = generateKeys('x25519')
  const there = generateKeys('x25519')
  const ours = agreeOnSecret(here.privateKey, importPublicKey(there.publicKey, 'x25519'), 'link')
  const theirs = agreeOnSecret(there.privateKey, importPublicKey(here.publicKey, 'x25519'), 'link')
  const other = agreeOnSecret(here.privateKey, importPublicKey(there.publicKey, 'x25519'), 'other')
  t.equal(ours.length, 32)
  t.same(ours, theirs)
  t.notSame(ours, other)
})

t.test('a key that agrees with everyone on the same is refused', async t => {
  const { privateKey } = generateKeys('x25519')
  for (const first of [0, 1]) {
    const theirs = importPublicKey(
      Buffer.alloc(32).fill(first, 0, 1).toString('base64url'),
      'x25519',
    )
    t.throws(() => agreeOnSecret(privateKey, theirs, 'link'), { code: 'MS_REQUEST_INVALID' })
  }
})

t.test('a public key is 32 bytes in base64url and nothing else', async t => {
  for (const text of [
    '',
    'AAAA',
    randomBytes(31).toString('base64url'),
    randomBytes(33).toString('base64url'),
    `${randomBytes(32).toString('base64url')}=`,
    '+'.repeat(43),
  ]) {
    try {
      importPublicKey(text, 'ed25519')
      t.fail(`${text} was accepted`)
    } catch (error) {
      t.ok(isMirrorswarmError(error, 'MS_REQUEST_INVALID'), text)
    }
  }
})

t.test('keys are made once, readable by their owner alone, and read again', async t => {
  const file = join(t.testdir(), 'root.pem')
  const made = await loadOrCreateKeys(file, 'ed25519')
  const read = await loadOrCreateKeys(file, 'ed25519')
  t.equal(read.publicKey, made.publicKey)
  t.equal((await stat(file)).mode & 0o777, 0o600)
  t.match(await readFile(file, 'utf8'), /BEGIN PRIVATE KEY/)
})

t.test('a damaged key or one of the other kind is reported, never replaced', async t => {
  const folder = t.testdir({ 'damaged.pem': 'not a key' })
  const damaged = join(folder, 'damaged.pem')
  await t.rejects(loadOrCreateKeys(damaged, 'ed25519'), { code: 'MS_DATA_CORRUPT' })
  t.equal(await readFile(damaged, 'utf8'), 'not a key')
  const exchange = join(folder, 'exchange.pem')
  await loadOrCreateKeys(exchange, 'x25519')
  await t.rejects(loadOrCreateKeys(exchange, 'ed25519'), { code: 'MS_DATA_CORRUPT' })
  await writeFile(damaged, '')
  await t.rejects(loadOrCreateKeys(damaged, 'ed25519'), { code: 'MS_DATA_CORRUPT' })
})

t.test('sha256Hex agrees with the published vector', async t => {
  t.equal(sha256Hex('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})
