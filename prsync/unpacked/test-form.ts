// For tests: forms in memory, and texts as packages have them.

import { seededRandom } from '../../core/clock.ts'
import { type FormLimits, formLimits, type ReadBytes } from './logic/form.ts'
import { pack } from './logic/pack.ts'
import { unpack } from './logic/unpack.ts'

export interface FormInMemory {
  readonly text: Buffer
  readonly tokens: Buffer
  readonly frame: Buffer
}

/** Portions of `atOnce` bytes at most. */
export const readerOf = (bytes: Uint8Array, atOnce = 2 ** 30): ReadBytes => {
  let at = 0
  return into => {
    const part = bytes.subarray(at, at + Math.min(into.length, atOnce))
    into.set(part)
    at += part.length
    return part.length
  }
}

/** A text: why there is none. */
export const formInMemory = (
  file: Uint8Array,
  limits: FormLimits = formLimits(file.length, 2 ** 30),
  atOnce = 2 ** 30,
): FormInMemory | string => {
  const text: Buffer[] = []
  const tokens: Buffer[] = []
  const writers = {
    text: (bytes: Uint8Array) => void text.push(Buffer.from(bytes)),
    tokens: (bytes: Uint8Array) => void tokens.push(Buffer.from(bytes)),
  }
  const made = unpack(readerOf(file, atOnce), writers, limits)
  if (typeof made === 'string') return made
  return {
    text: Buffer.concat(text),
    tokens: Buffer.concat(tokens),
    frame: Buffer.from(made.frame),
  }
}

/** A text: why there is none. */
export const packedInMemory = (
  { text, tokens, frame }: FormInMemory,
  mostBytes = 2 ** 30,
  atOnce = 2 ** 30,
): Buffer | string => {
  const parts: Buffer[] = []
  const given = { text: readerOf(text, atOnce), tokens: readerOf(tokens, atOnce), frame }
  const why = pack(given, bytes => void parts.push(Buffer.from(bytes)), mostBytes)
  return why ?? Buffer.concat(parts)
}

/** The whole form's bytes. */
export const bytesOfForm = ({ text, tokens, frame }: FormInMemory): Buffer =>
  Buffer.concat([text, tokens, frame])

/** Entries like those of an index of packages. */
export const indexText = (entries: number, seed = 1): string => {
  const random = seededRandom(seed)
  const word = (): string => Math.floor(random() * 36 ** 4).toString(36)
  const lines: string[] = []
  for (let entry = 0; entry < entries; entry += 1) {
    const name = `lib${word()}-${word()}`
    lines.push(`Package: ${name}`, `Version: ${Math.floor(random() * 20)}.${entry % 7}-1`)
    lines.push('Maintainer: Some Team <team@lists.example.org>', 'Architecture: amd64')
    lines.push(`Depends: libc6 (>= 2.${Math.floor(random() * 40)}), lib${word()}`)
    lines.push(`Filename: pool/main/l/${name}/${name}_amd64.deb`, `Size: ${word()}`)
    lines.push(`SHA256: ${Array.from({ length: 12 }, word).join('')}`, '')
  }
  return lines.join('\n')
}
