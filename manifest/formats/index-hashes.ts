// The SHA-256 hashes that package indexes name, read as a stream: apt's Packages and Sources, and
// primary.xml of rpm repositories. What else stands in them is passed over.

import { isSha256, type Sha256 } from '../../core/ids.ts'

/** Takes an index bit by bit; `push` gives the hashes that became complete. */
export interface HashReader {
  push(text: string): Sha256[]
  /** To be called once, at the end. */
  end(): Sha256[]
}

/** No line of an index that names a hash is longer: what follows of one is passed over. */
const lineCharacters = 4_096

/** Packages (`SHA256:`) and Sources (below `Checksums-Sha256:`). */
export class ControlHashes implements HashReader {
  #rest = ''
  #inside = false

  push(text: string): Sha256[] {
    const lines = (this.#rest + text).split('\n')
    this.#rest = (lines.pop() ?? '').slice(0, lineCharacters)
    return lines.flatMap(line => this.#line(line))
  }

  end(): Sha256[] {
    const rest = this.#rest
    this.#rest = ''
    return this.#line(rest)
  }

  #line(line: string): Sha256[] {
    if (this.#inside && line.startsWith(' ')) return hashIn(line.trimStart().split(' ', 1)[0])
    this.#inside = /^Checksums-Sha256:\s*$/i.test(line)
    return /^SHA256:/i.test(line) ? hashIn(line.slice('SHA256:'.length).trim()) : []
  }
}

const hashIn = (text = ''): Sha256[] => {
  const hash = text.toLowerCase()
  return isSha256(hash) ? [hash] : []
}

const checksum = /<checksum\s[^<>]*type=["']sha256["'][^<>]*>\s*([0-9a-fA-F]{64})\s*</g
/** Longer than any checksum element; what was cut is looked at again with what follows. */
const elementCharacters = 512

/** primary.xml of createrepo_c and its relatives. A hash may be given twice. */
export class PrimaryHashes implements HashReader {
  #rest = ''

  push(text: string): Sha256[] {
    const all = this.#rest + text
    this.#rest = all.slice(-elementCharacters)
    return [...all.matchAll(checksum)].flatMap(([, hash]) => hashIn(hash))
  }

  end(): Sha256[] {
    this.#rest = ''
    return []
  }
}
