import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { missing, run } from '../loadtest/programs.ts'
import { certifiedKey, selfSignedCertificate } from './certificate.ts'
import { generateKeys, importPublicKey } from './keys.ts'

t.test('it certifies the key with the key itself, for ever', t => {
  const keys = generateKeys('ed25519')
  const pem = selfSignedCertificate(keys.privateKey)
  const certificate = new X509Certificate(pem)
  t.ok(certificate.verify(importPublicKey(keys.publicKey, 'ed25519')))
  t.equal(certifiedKey(certificate), keys.publicKey)
  t.ok(certificate.validFromDate.getTime() < Date.UTC(2001))
  t.ok(certificate.validToDate.getTime() > Date.UTC(9999))
  t.equal(certificate.subject, certificate.issuer)
  t.equal(selfSignedCertificate(keys.privateKey), pem, 'the same key, the same certificate')
  t.end()
})

t.test('every key makes a well-formed certificate with a serial number of its own', t => {
  const serials = new Set<string>()
  for (let round = 0; round < 200; round++) {
    const keys = generateKeys('ed25519')
    const certificate = new X509Certificate(selfSignedCertificate(keys.privateKey))
    t.ok(certificate.verify(certificate.publicKey))
    serials.add(certificate.serialNumber)
  }
  t.equal(serials.size, 200)
  t.end()
})

t.test('keys of other kinds are none', t => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  t.equal(certifiedKey({ publicKey }), null)
  t.end()
})

t.test('openssl reads and verifies it', { skip: missing('openssl') }, async t => {
  const file = join(t.testdir(), 'certificate.pem')
  writeFileSync(file, selfSignedCertificate(generateKeys('ed25519').privateKey))
  const read = await run('openssl', ['x509', '-in', file, '-noout', '-text'])
  t.equal(read.status, 0, read.stderr)
  t.match(read.stdout, /Version: 3/)
  t.match(read.stdout, /Public Key Algorithm: ED25519/i)
  t.match(read.stdout, /Not After : Dec 31 23:59:59 9999/)
  const verified = await run('openssl', ['verify', '-check_ss_sig', '-CAfile', file, file])
  t.match(verified.stdout, /OK/, `${verified.stdout}${verified.stderr}`)
})
