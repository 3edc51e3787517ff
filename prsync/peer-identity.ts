// Who a peer is: the volunteer whose Ed25519 key is in its certificate. The key is all that counts:
// certificates carry no names, are signed by nobody else and never expire.

import type { KeyObject } from 'node:crypto'
import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import { certifiedKey, selfSignedCertificate } from '../core/certificate.ts'
import type { VolunteerName } from '../core/ids.ts'

/** This volunteer, towards others. */
export interface PeerIdentity {
  readonly name: VolunteerName
  /** The Ed25519 key that the volunteer is enrolled with. */
  readonly privateKey: KeyObject
}

/** The volunteers that may be peers, as the tracker names them. */
export interface PeerRoster {
  /** Whose Ed25519 key (raw, base64url) this is; null: nobody's who may connect. */
  nameOf(publicKey: string): VolunteerName | null
  /** Be told of changes; the answer ends that. */
  onChange(listener: () => void): () => void
}

export interface PeerCredentials {
  readonly key: string
  readonly cert: string
  readonly minVersion: 'TLSv1.3'
  /** Whatever the other certificate looks like, it is shown: the key in it decides. */
  readonly rejectUnauthorized: false
  readonly requestCert: true
}

export const credentialsOf = ({
  privateKey,
}: Pick<PeerIdentity, 'privateKey'>): PeerCredentials => ({
  key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  cert: selfSignedCertificate(privateKey),
  minVersion: 'TLSv1.3',
  rejectUnauthorized: false,
  requestCert: true,
})

/** One for all connections: it holds nothing of any of them. */
export const secureContextOf = ({ key, cert, minVersion }: PeerCredentials): SecureContext =>
  createSecureContext({ key, cert, minVersion })

/**
 * The key that the other side has shown to have, once the handshake is over: raw, in base64url. Null
 * without a certificate, or with a key of another kind.
 */
export const provenKey = (socket: TLSSocket): string | null => {
  const certificate = socket.getPeerX509Certificate()
  return certificate === undefined ? null : certifiedKey(certificate)
}
