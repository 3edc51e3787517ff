// Certificate and key from two files, read again when they change. A new pair that does not work is
// refused with a warning, and the old one stays: a half-finished renewal must not take a server down.

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { tlsReloadMs } from './access-limits.ts'
import { describeError, MirrorswarmError } from './errors.ts'
import type { Logger } from './log.ts'

export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
}

export interface TlsPair {
  readonly cert: Buffer
  readonly key: Buffer
}

const readOne = (file: string): Buffer => {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new MirrorswarmError('MS_CONFIG_INVALID', `cannot read ${file}`, { cause: error })
  }
}

/** Throws MS_CONFIG_INVALID when a file cannot be read. */
export const readTlsPair = ({ certFile, keyFile }: TlsFiles): TlsPair => ({
  cert: readOne(certFile),
  key: readOne(keyFile),
})

/** Throws unless the key is the certificate's and the certificate is valid at the time. */
export const checkTlsPair = ({ cert, key }: TlsPair, nowMs: number): void => {
  createSecureContext({ cert, key })
  const certificate = new X509Certificate(cert)
  if (!certificate.checkPrivateKey(createPrivateKey(key))) {
    throw new MirrorswarmError('MS_CONFIG_INVALID', 'the key is not that of the certificate')
  }
  if (Date.parse(certificate.validTo) <= nowMs || Date.parse(certificate.validFrom) > nowMs) {
    const { validFrom, validTo } = certificate
    const message = `the certificate is valid from ${validFrom} to ${validTo} only`
    throw new MirrorswarmError('MS_CONFIG_INVALID', message)
  }
}

export interface TlsReloaderParts {
  readonly files: TlsFiles
  /** What the server began with. */
  readonly pair: TlsPair
  readonly server: { setSecureContext(pair: TlsPair): void }
  readonly logger: Logger
  readonly nowMs: () => number
}

export class TlsReloader {
  readonly #parts: TlsReloaderParts
  #seen: TlsPair
  #used: TlsPair
  #problem = ''
  #timer: NodeJS.Timeout | null = null

  constructor(parts: TlsReloaderParts) {
    this.#parts = parts
    this.#seen = parts.pair
    this.#used = parts.pair
  }

  start(intervalMs = tlsReloadMs): void {
    this.#timer = setInterval(() => this.check(), intervalMs)
    this.#timer.unref()
  }

  /** When the certificate in use ends, milliseconds since 1970. */
  get endsMs(): number {
    return Date.parse(new X509Certificate(this.#used.cert).validTo)
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  /**
   * Look at the files, whose contents are small; what begins from now on gets the new pair. Returns
   * whether a new one was taken. The same bad pair is warned of once.
   */
  check(): boolean {
    const { files, server, logger, nowMs } = this.#parts
    try {
      const pair = readTlsPair(files)
      if (pair.cert.equals(this.#seen.cert) && pair.key.equals(this.#seen.key)) {
        this.#problem = ''
        return false
      }
      checkTlsPair(pair, nowMs())
      server.setSecureContext(pair)
      this.#seen = pair
      this.#used = pair
      this.#problem = ''
      logger.info({ file: files.certFile }, 'a new certificate is in use')
      return true
    } catch (error) {
      const problem = describeError(error)
      if (problem !== this.#problem) {
        const fields = { file: files.certFile, error: problem }
        logger.warn(fields, 'the new certificate or key cannot be used; the old ones stay in use')
      }
      this.#problem = problem
      return false
    }
  }
}
