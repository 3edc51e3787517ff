// Bytes that nothing compresses and that are the same for the same seed: AES in counter mode.

import { createCipheriv, createHash } from 'node:crypto'

/** An endless, seeded source of incompressible bytes. */
export class Noise {
  readonly #cipher

  constructor(seed: string) {
    const key = createHash('sha256').update(seed).digest()
    this.#cipher = createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16, 32))
  }

  /** The next `length` bytes. */
  take(length: number): Buffer {
    return this.#cipher.update(Buffer.alloc(length))
  }
}

export const noise = (seed: string, length: number): Buffer => new Noise(seed).take(length)
