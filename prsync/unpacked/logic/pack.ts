// From an unpacked form to its gzip file, bit for bit. The form may come from a stranger: what does
// not fit together is refused, and whether it is the right file its hash must tell.

import { BitReader } from './bit-reader.ts'
import { BitWriter } from './bit-writer.ts'
import {
  blockDynamic,
  blockFixed,
  blockStored,
  blockUsual,
  entryEnd,
  entryMember,
  finalBlock,
  leastLength,
  mostLength,
  NoForm,
  type ReadBytes,
  type WriteBytes,
  windowBytes,
} from './form.ts'
import { Hops } from './hops.ts'
import {
  distanceCodes,
  type Encoder,
  fixedLengths,
  lengthCodes,
  longestCode,
  makeEncoder,
} from './huffman.ts'
import { readDynamicHead, type TreeLengths, type Trees } from './inflate.ts'
import { BytesReader, TokenReader } from './tokens.ts'
import { mostUsualSymbols, SymbolCounts, usualHead } from './usual-trees.ts'

const encodersOf = ({ literals, distances }: TreeLengths): Trees<Encoder> => ({
  literals: makeEncoder(literals),
  distances: makeEncoder(distances),
})

const fixedEncoders = encodersOf(fixedLengths)

const codesOf = (bases: Uint16Array, count: number): Uint8Array => {
  const codes = new Uint8Array(count)
  for (const [code, base] of bases.entries()) codes.fill(code, base)
  return codes
}

const codeOfLength = codesOf(lengthCodes.bases, mostLength).map((code, length) =>
  length < leastLength ? 0 : code,
)
const codeOfDistance = codesOf(distanceCodes.bases, windowBytes + 1)

const codeOf = (length: number): number =>
  length === mostLength ? longestCode : (codeOfLength[length] as number)

const endOfBlock = 256
/** The word of the shortest matches. */
const firstLength = 257
const lengthBits = 9
const lengthMask = 2 ** lengthBits - 1
const textAtOnce = 1024 * 1024

class Packer {
  readonly #readText: ReadBytes
  readonly #tokens: TokenReader
  readonly #frame: BytesReader
  readonly #frameBytes: number
  readonly #out: BitWriter
  readonly #hops = new Hops()
  readonly #counts = new SymbolCounts()
  readonly #gathered = new Int32Array(mostUsualSymbols)
  readonly #text = { bytes: new Uint8Array(windowBytes + textAtOnce + mostLength), base: 0 }
  /** In the stretch: where the next symbol is, and what is known. */
  #at = 0
  #end = 0
  #start = 0
  /** Of the current token, what was not written yet; a length of 0: no match. */
  #literals = 0
  #length = 0

  constructor(parts: PackParts, write: WriteBytes, mostBytes: number) {
    this.#readText = parts.text
    this.#tokens = new TokenReader(parts.tokens)
    const { frame } = parts
    let at = 0
    this.#frame = new BytesReader(into => {
      const part = frame.subarray(at, at + into.length)
      into.set(part)
      at += part.length
      return part.length
    }, 4096)
    this.#frameBytes = frame.length
    this.#out = new BitWriter(write, mostBytes)
  }

  all(): void {
    let entry = this.#frame.byte()
    for (; entry === entryMember; entry = this.#frame.byte()) this.#member()
    if (entry !== entryEnd) throw new NoForm('an unknown entry')
    this.#out.bytes(this.#bytes())
    this.#fill()
    const isOver = this.#frame.byteOrEnd() < 0 && this.#tokens.isAtEnd && this.#at === this.#end
    if (!isOver) throw new NoForm('more than there should be')
    this.#out.end()
  }

  #bytes(): Uint8Array {
    return this.#frame.bytes(this.#frame.number(), this.#frameBytes)
  }

  #member(): void {
    this.#out.bytes(this.#bytes())
    this.#start = this.#text.base + this.#at
    this.#hops.begin(this.#start)
    while (!this.#block());
    this.#endToken()
    this.#out.pad(this.#frame.byte())
    for (let i = 0; i < 8; i += 1) this.#out.put(this.#frame.byte(), 8)
  }

  #endToken(): void {
    if (this.#literals > 0 || this.#length > 0) throw new NoForm('a token goes on too long')
  }

  #block(): boolean {
    const entry = this.#frame.byte()
    const isLast = entry >= finalBlock
    const type = isLast ? entry - finalBlock : entry
    if (type < blockStored || type > blockUsual) throw new NoForm('an unknown entry')
    this.#out.put(isLast ? 1 : 0, 1)
    this.#out.put(Math.min(type, blockDynamic) - blockStored, 2)
    if (type === blockStored) this.#stored()
    else if (type === blockUsual) this.#usual()
    else this.#symbols(type === blockFixed ? fixedEncoders : this.#told())
    return isLast
  }

  #told(): Trees<Encoder> {
    const bitCount = this.#frame.number()
    return this.#trees(this.#frame.bytes(Math.ceil(bitCount / 8), this.#frameBytes), bitCount)
  }

  /** Write what a dynamic block begins with. */
  #trees(bits: Uint8Array, bitCount: number): Trees<Encoder> {
    for (let at = 0; at < bitCount; at += 8) {
      this.#out.put(bits[at / 8] as number, Math.min(8, bitCount - at))
    }
    let isRead = false
    const head = readDynamicHead(
      new BitReader(into => {
        if (isRead || bits.length > into.length) return 0
        isRead = true
        into.set(bits)
        return bits.length
      }),
    )
    if (head.bitCount !== bitCount) throw new NoForm('a head of another length')
    return encodersOf(head)
  }

  #stored(): void {
    this.#out.pad(this.#frame.byte())
    const length = this.#frame.number()
    if (length > 0xffff) throw new NoForm('a block that is too large')
    this.#out.put(length, 16)
    this.#out.put(length ^ 0xffff, 16)
    if (length > 0) this.#endToken()
    for (let left = length; left > 0; left -= 1) {
      this.#have(1)
      this.#out.put(this.#text.bytes[this.#at] as number, 8)
      this.#at += 1
    }
  }

  #symbols(trees: Trees<Encoder>): void {
    for (let left = this.#frame.number(); left > 0; left -= 1) this.#put(trees, this.#next())
    this.#word(trees.literals, endOfBlock)
  }

  /** A block whose code follows from its symbols: they are gathered first. */
  #usual(): void {
    const count = this.#frame.number()
    if (count > mostUsualSymbols) throw new NoForm('a block that is too large')
    const counts = this.#counts
    counts.begin()
    counts.literals[endOfBlock] = 1
    for (let index = 0; index < count; index += 1) {
      const symbol = this.#next()
      this.#gathered[index] = symbol
      const length = symbol & lengthMask
      if (symbol <= lengthMask) counts.literals[symbol] = (counts.literals[symbol] as number) + 1
      else {
        const word = codeOf(length) + firstLength
        const far = codeOfDistance[symbol >>> lengthBits] as number
        counts.literals[word] = (counts.literals[word] as number) + 1
        counts.distances[far] = (counts.distances[far] as number) + 1
      }
    }
    const { bits, bitCount } = usualHead(counts)
    const trees = this.#trees(bits, bitCount)
    for (const symbol of this.#gathered.subarray(0, count)) this.#put(trees, symbol)
    this.#word(trees.literals, endOfBlock)
  }

  /** A literal, or a match: its length, and its distance above `lengthBits`. */
  #next(): number {
    if (this.#literals === 0 && this.#length === 0) this.#token()
    if (this.#literals === 0) return this.#match()
    this.#literals -= 1
    if (this.#at === this.#end) this.#have(1)
    const byte = this.#text.bytes[this.#at] as number
    this.#at += 1
    return byte
  }

  #put({ literals, distances }: Trees<Encoder>, symbol: number): void {
    if (symbol <= lengthMask) {
      this.#word(literals, symbol)
      return
    }
    const length = symbol & lengthMask
    const code = codeOf(length)
    this.#word(literals, code + firstLength)
    if (code !== longestCode) {
      const base = lengthCodes.bases[code] as number
      this.#out.put(length - base, lengthCodes.extras[code] as number)
    }
    const distance = symbol >>> lengthBits
    const far = codeOfDistance[distance] as number
    this.#word(distances, far)
    const base = distanceCodes.bases[far] as number
    this.#out.put(distance - base, distanceCodes.extras[far] as number)
  }

  #token(): void {
    this.#tokens.next()
    this.#literals = this.#tokens.literals
    this.#length = this.#tokens.length
    if (this.#literals === 0 && this.#length === 0) throw new NoForm('a token of nothing')
  }

  #match(): number {
    const length = this.#length
    this.#length = 0
    this.#have(length)
    const position = this.#text.base + this.#at
    const { hop } = this.#tokens
    const distance =
      hop < 0 ? this.#tokens.distance : this.#hops.distanceOf(this.#text, position, length, hop)
    if (distance < 1 || distance > windowBytes || position - distance < this.#start) {
      throw new NoForm('a match that is not there')
    }
    this.#at += length
    return distance * (lengthMask + 1) + length
  }

  #word({ lengths, words }: Encoder, symbol: number): void {
    const bits = lengths[symbol] ?? 0
    if (bits === 0) throw new NoForm('a symbol that has no word')
    this.#out.put(words[symbol] as number, bits)
  }

  /** So many bytes of text, at most those of a match. */
  #have(count: number): void {
    if (this.#end - this.#at >= count) return
    this.#fill()
    if (this.#end - this.#at < count) throw new NoForm('the text is cut short')
  }

  /** Keep the window and read on. */
  #fill(): void {
    const { bytes, base } = this.#text
    this.#hops.insert(this.#text, base + this.#at, base + this.#end)
    const gone = Math.max(0, this.#at - windowBytes - 16)
    bytes.copyWithin(0, gone, this.#end)
    this.#text.base += gone
    this.#at -= gone
    this.#end -= gone
    while (this.#end < bytes.length) {
      const read = this.#readText(bytes.subarray(this.#end))
      if (read === 0) break
      this.#end += read
    }
  }
}

export interface PackParts {
  /** Each to its end. */
  readonly text: ReadBytes
  readonly tokens: ReadBytes
  readonly frame: Uint8Array
}

/**
 * Write the gzip file of a form. Null, or why there is none; what was written then is worthless.
 * Throws what reading and writing throw.
 */
export const pack = (parts: PackParts, write: WriteBytes, mostBytes: number): string | null => {
  try {
    new Packer(parts, write, mostBytes).all()
    return null
  } catch (error) {
    if (error instanceof NoForm) return error.message
    throw error
  }
}
