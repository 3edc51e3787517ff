// What volunteers install, as the operator made it by `npm pack`, for those who enrol. Held in memory:
// it is a few MB, and the file may be replaced meanwhile.

import { readFileSync, statSync } from 'node:fs'
import { packageBytes } from '../core/dashboard-limits.ts'
import { describeError, MirrorswarmError, systemCode } from '../core/errors.ts'
import { sha256Hex } from '../core/keys.ts'

export interface OfferedPackage {
  readonly bytes: Buffer
  /** In quotes. */
  readonly etag: string
}

const refuse = (file: string, why: string, cause?: unknown): MirrorswarmError =>
  new MirrorswarmError('MS_CONFIG_INVALID', `--package ${file}: ${why}`, { cause })

const readBytes = (file: string): Buffer => {
  try {
    const { size } = statSync(file)
    if (size <= packageBytes) return readFileSync(file)
  } catch (error) {
    throw refuse(file, `cannot be read (${systemCode(error) ?? describeError(error)})`, error)
  }
  throw refuse(file, `is larger than ${packageBytes} bytes`)
}

/** Read it; null without a file. Throws MS_CONFIG_INVALID for what no package can be. */
export const readPackage = (file: string | null): OfferedPackage | null => {
  if (file === null) return null
  const bytes = readBytes(file)
  // RFC 1952, 2.3.1
  if (bytes.length < 18 || bytes.readUInt16BE(0) !== 0x1f8b) {
    throw refuse(file, 'is not what npm pack makes (a .tgz file)')
  }
  return { bytes, etag: `"sha256-${sha256Hex(bytes)}"` }
}

export class PackageOffer {
  #current: OfferedPackage | null

  constructor(current: OfferedPackage | null) {
    this.#current = current
  }

  get current(): OfferedPackage | null {
    return this.#current
  }

  change(to: OfferedPackage | null): void {
    this.#current = to
  }
}
