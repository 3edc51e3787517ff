// A self-signed X.509 certificate (RFC 5280) on an Ed25519 key (RFC 8410), only because TLS wants one:
// whoever pins the key looks at nothing else in it. The same key always gives the same bytes.

import {
  createHash,
  createPublicKey,
  type KeyObject,
  sign,
  type X509Certificate,
} from 'node:crypto'

// DER (X.690): a tag, a length, and the contents.

const derLength = (length: number): Buffer => {
  if (length < 0x80) return Buffer.from([length])
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff)
  return Buffer.from([0x80 | bytes.length, ...bytes])
}

const der = (tag: number, ...contents: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(contents)
  return Buffer.concat([Buffer.from([tag]), derLength(body.length), body])
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts)
const set = (...parts: readonly Uint8Array[]): Buffer => der(0x31, ...parts)
const bitString = (bytes: Uint8Array): Buffer => der(0x03, Buffer.from([0]), bytes)
const text = (value: string): Buffer => der(0x0c, Buffer.from(value))
const generalizedTime = (value: string): Buffer => der(0x18, Buffer.from(value))
const utcTime = (value: string): Buffer => der(0x17, Buffer.from(value))

/** A positive number of 16 bytes: no sign bit, no leading zero byte. */
const serialNumber = (bytes: Uint8Array): Buffer => {
  const number = Buffer.from(bytes.subarray(0, 16))
  number[0] = ((number[0] ?? 0) & 0x7f) | 0x40
  return der(0x02, number)
}

const ed25519 = sequence(Buffer.from([0x06, 0x03, 0x2b, 0x65, 0x70]))
/** commonName, 2.5.4.3. */
const commonName = Buffer.from([0x06, 0x03, 0x55, 0x04, 0x03])
const version3 = der(0xa0, Buffer.from([0x02, 0x01, 0x02]))

/** From 2000 on and without an end (RFC 5280, 4.1.2.5): clocks have no say in who somebody is. */
const always = sequence(utcTime('000101000000Z'), generalizedTime('99991231235959Z'))

/** The certificate of this Ed25519 key as PEM. It names nobody, and has no extensions. */
export const selfSignedCertificate = (privateKey: KeyObject): string => {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  const name = sequence(set(sequence(commonName, text('mirrorswarm'))))
  const serial = serialNumber(createHash('sha256').update(spki).digest())
  const signed = sequence(version3, serial, ed25519, name, always, name, spki)
  const certificate = sequence(signed, ed25519, bitString(sign(null, signed, privateKey)))
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

/** The raw Ed25519 key of a certificate in base64url; null for a key of another kind. */
export const certifiedKey = (certificate: Pick<X509Certificate, 'publicKey'>): string | null => {
  const { publicKey } = certificate
  if (publicKey.asymmetricKeyType !== 'ed25519') return null
  return publicKey.export({ format: 'jwk' }).x ?? null
}
