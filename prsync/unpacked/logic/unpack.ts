// From a gzip file to its unpacked form (RFC 1951, RFC 1952). Everything that is needed to make the
// same file again is told; what no compressor writes is refused instead.

import { BitReader } from './bit-reader.ts'
import { BytesWriter } from './bytes-writer.ts'
import {
  blockDynamic,
  blockFixed,
  blockStored,
  blockUsual,
  entryEnd,
  entryMember,
  type FormLimits,
  type FormShape,
  finalBlock,
  gzipMagic,
  isWithinLimits,
  mostLength,
  NoForm,
  type ReadBytes,
  type WriteBytes,
  windowBytes,
} from './form.ts'
import { Hops } from './hops.ts'
import { type Decoder, distanceCodes, lengthCodes, longestCode } from './huffman.ts'
import {
  type DynamicHead,
  decodersOf,
  fixedDecoders,
  readDynamicHead,
  type Trees,
} from './inflate.ts'
import { TokenWriter } from './tokens.ts'
import { mostUsualSymbols, SymbolCounts, usualHead } from './usual-trees.ts'

export interface Unpacked extends FormShape {
  readonly frame: Uint8Array
}

const textAtOnce = 1024 * 1024
/** Kept before the text that comes next: what can be referred to, and what is not in chains yet. */
const keptBytes = windowBytes + 16

class Unpacker {
  readonly #bits: BitReader
  readonly #writeText: WriteBytes
  readonly #tokens: TokenWriter
  readonly #frame: BytesWriter
  readonly #limits: FormLimits
  readonly #hops = new Hops()
  readonly #counts = new SymbolCounts()
  readonly #text = { bytes: new Uint8Array(keptBytes + textAtOnce + mostLength), base: 0 }
  /** Positions in the stretch. */
  #end = 0
  #unwritten = 0
  /** Position in the text at which the member began. */
  #start = 0

  constructor(
    read: ReadBytes,
    writers: { readonly text: WriteBytes; readonly tokens: WriteBytes },
    limits: FormLimits,
  ) {
    this.#bits = new BitReader(read)
    this.#writeText = writers.text
    this.#tokens = new TokenWriter(writers.tokens, limits.tokenBytes)
    this.#frame = new BytesWriter(null, limits.frameBytes)
    this.#limits = limits
  }

  all(): Unpacked {
    let head = this.#magic()
    if (head.length !== gzipMagic.length) throw new NoForm('not a gzip file')
    while (head.length === gzipMagic.length) {
      this.#member()
      head = this.#magic()
    }
    this.#frame.byte(entryEnd)
    const rest = new BytesWriter(null, this.#limits.frameBytes)
    rest.bytes(head)
    for (let byte = this.#bits.byteOrEnd(); byte >= 0; byte = this.#bits.byteOrEnd()) {
      rest.byte(byte)
    }
    this.#frame.number(rest.length)
    this.#frame.bytes(rest.kept())
    this.#makeRoom()
    const frame = this.#frame.kept()
    const tokenBytes = this.#tokens.end()
    const textBytes = this.#text.base + this.#end
    const unpacked = { textBytes, tokenBytes, frameBytes: frame.length, frame }
    if (!isWithinLimits(unpacked, this.#limits)) throw new NoForm('a part is too large')
    return unpacked
  }

  /** The bytes of a member's beginning; fewer, or others after them, where there is none. */
  #magic(): number[] {
    const head: number[] = []
    for (const expected of gzipMagic) {
      const byte = this.#bits.byteOrEnd()
      if (byte < 0) break
      head.push(byte)
      if (byte !== expected) {
        // One byte more than any beginning: these are no member's.
        if (head.length === gzipMagic.length) head.push(this.#byte())
        break
      }
    }
    return head
  }

  #byte(): number {
    return this.#bits.take(8)
  }

  #member(): void {
    const head = [...gzipMagic]
    const next = (): number => {
      const byte = this.#byte()
      head.push(byte)
      if (head.length > this.#limits.frameBytes) throw new NoForm('a head is too large')
      return byte
    }
    const flags = next()
    for (let i = 0; i < 6; i += 1) next()
    if ((flags & 4) !== 0) for (let left = next() + next() * 256; left > 0; left -= 1) next()
    for (const bit of [8, 16]) if ((flags & bit) !== 0) while (next() !== 0);
    if ((flags & 2) !== 0) for (let i = 0; i < 2; i += 1) next()
    this.#frame.byte(entryMember)
    this.#frame.number(head.length)
    this.#frame.bytes(head)
    this.#start = this.#text.base + this.#end
    this.#hops.begin(this.#start)
    while (!this.#block());
    this.#tokens.endLiterals()
    this.#frame.byte(this.#bits.padding())
    for (let i = 0; i < 8; i += 1) this.#frame.byte(this.#byte())
  }

  /** Whether it was the last one of the member. */
  #block(): boolean {
    const isLast = this.#bits.take(1) === 1
    const mark = isLast ? finalBlock : 0
    const type = this.#bits.take(2)
    if (type === 0) this.#stored(mark)
    else if (type === 1) {
      this.#frame.byte(blockFixed + mark)
      this.#frame.number(this.#symbols(fixedDecoders))
    } else if (type === 2) this.#dynamic(mark)
    else throw new NoForm('a block of an unknown type')
    return isLast
  }

  #dynamic(mark: number): void {
    const head = readDynamicHead(this.#bits)
    const symbols = this.#symbols(decodersOf(head))
    if (symbols <= mostUsualSymbols && this.#isUsual(head)) this.#frame.byte(blockUsual + mark)
    else {
      this.#frame.byte(blockDynamic + mark)
      this.#frame.number(head.bitCount)
      this.#frame.bytes(head.bits)
    }
    this.#frame.number(symbols)
  }

  #isUsual({ bits, bitCount }: DynamicHead): boolean {
    const usual = usualHead(this.#counts)
    return usual.bitCount === bitCount && usual.bits.every((byte, at) => byte === bits[at])
  }

  #stored(mark: number): void {
    const padding = this.#bits.padding()
    const length = this.#bits.take(16)
    if ((this.#bits.take(16) ^ length) !== 0xffff) throw new NoForm('an odd length')
    this.#frame.byte(blockStored + mark)
    this.#frame.byte(padding)
    this.#frame.number(length)
    if (length > 0) this.#tokens.endLiterals()
    for (let left = length; left > 0; left -= 1) this.#push(this.#byte())
  }

  #push(byte: number): void {
    if (this.#end > keptBytes + textAtOnce) this.#makeRoom()
    this.#text.bytes[this.#end] = byte
    this.#end += 1
  }

  /** How many there were, the end of the block not counted. */
  #symbols({ literals, distances }: Trees<Decoder>): number {
    const bits = this.#bits
    const counts = this.#counts
    counts.begin()
    let run = 0
    for (let count = 0; ; count += 1) {
      const symbol = bits.symbol(literals)
      counts.literals[symbol] = (counts.literals[symbol] as number) + 1
      if (symbol < 256) {
        this.#push(symbol)
        run += 1
        continue
      }
      this.#tokens.literals(run)
      run = 0
      if (symbol === 256) return count
      const length = this.#length(symbol - 257)
      const code = bits.symbol(distances)
      if (code > 29) throw new NoForm('a word without meaning')
      counts.distances[code] = (counts.distances[code] as number) + 1
      const extra = bits.take(distanceCodes.extras[code] as number)
      this.#match(length, (distanceCodes.bases[code] as number) + extra)
    }
  }

  #length(code: number): number {
    if (code === longestCode) return mostLength
    if (code > longestCode) throw new NoForm('a word without meaning')
    const extra = this.#bits.take(lengthCodes.extras[code] as number)
    const length = (lengthCodes.bases[code] as number) + extra
    if (length === mostLength) throw new NoForm('a length in another way than usual')
    return length
  }

  #match(length: number, distance: number): void {
    if (this.#end > keptBytes + textAtOnce) this.#makeRoom()
    const { bytes, base } = this.#text
    const position = base + this.#end
    if (position - distance < this.#start) throw new NoForm('a match before the beginning')
    let from = this.#end - distance
    for (let left = length; left > 0; left -= 1) {
      bytes[this.#end] = bytes[from] as number
      this.#end += 1
      from += 1
    }
    this.#tokens.match(length, this.#hops.hopOf(this.#text, position, length, distance), distance)
  }

  /** Write what is new, and keep the window only. */
  #makeRoom(): void {
    const { bytes, base } = this.#text
    if (base + this.#end > this.#limits.textBytes) throw new NoForm('the text is too large')
    this.#writeText(bytes.subarray(this.#unwritten, this.#end))
    this.#hops.insert(this.#text, base + this.#end, base + this.#end)
    const gone = Math.max(0, this.#end - keptBytes)
    bytes.copyWithin(0, gone, this.#end)
    this.#text.base += gone
    this.#end -= gone
    this.#unwritten = this.#end
  }
}

/**
 * Read a gzip file to its end; text and tokens are written as they come, the frame is the answer. A
 * text: why there is no form. Throws what reading and writing throw.
 */
export const unpack = (
  read: ReadBytes,
  writers: { readonly text: WriteBytes; readonly tokens: WriteBytes },
  limits: FormLimits,
): Unpacked | string => {
  try {
    return new Unpacker(read, writers, limits).all()
  } catch (error) {
    if (error instanceof NoForm) return error.message
    throw error
  }
}
