// The code that zlib and gzip give to a block with these symbols: as nearly all compressors build it
// like them, its bits need not be told. Made after Huffman's method with their rules for ties, for
// words that would be too long, and for how lengths are told (RFC 1951, 3.2.7).

import { BitWriter } from './bit-writer.ts'
import { makeEncoder } from './huffman.ts'
import { lengthOrder } from './inflate.ts'

const literalWords = 286
const distanceWords = 30
const lengthWords = 19
const repeatBefore = 16
const fewZeros = 17
const manyZeros = 18

interface Tree {
  readonly lengths: Uint8Array
  /** The last symbol that has a word. */
  readonly last: number
}

/** Blocks with more symbols than compressors gather are told as they are. */
export const mostUsualSymbols = 65_535

/** A heap of nodes, the rarest first, of equals the flatter; nodes are numbers. */
class Heap {
  readonly #nodes: number[] = []
  readonly #isBefore: (one: number, other: number) => boolean

  constructor(isBefore: (one: number, other: number) => boolean) {
    this.#isBefore = isBefore
  }

  get size(): number {
    return this.#nodes.length
  }

  get top(): number {
    return this.#nodes[0] as number
  }

  /** To the end, before any order. */
  append(node: number): void {
    this.#nodes.push(node)
  }

  order(): void {
    for (let at = (this.size >> 1) - 1; at >= 0; at -= 1) this.#sink(at)
  }

  /** The first one, whose place the last one takes. */
  take(): number {
    const first = this.top
    const last = this.#nodes.pop() as number
    if (this.size > 0) this.replace(last)
    return first
  }

  /** Put another one in the place of the first. */
  replace(node: number): void {
    this.#nodes[0] = node
    this.#sink(0)
  }

  #sink(from: number): void {
    const nodes = this.#nodes
    const node = nodes[from] as number
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= nodes.length) break
      const right = child + 1
      if (right < nodes.length && this.#isBefore(nodes[right] as number, nodes[child] as number)) {
        child = right
      }
      if (this.#isBefore(node, nodes[child] as number)) break
      nodes[at] = nodes[child] as number
      at = child
    }
    nodes[at] = node
  }
}

interface Joined {
  readonly parents: Int32Array
  /** All nodes, the root last, in the order in which they were joined. */
  readonly order: readonly number[]
}

const join = (frequencies: Uint32Array, symbols: readonly number[], words: number): Joined => {
  const weights = new Float64Array(2 * words + 1)
  weights.set(frequencies)
  for (const symbol of symbols) if (weights[symbol] === 0) weights[symbol] = 1
  const depths = new Uint8Array(2 * words + 1)
  const parents = new Int32Array(2 * words + 1).fill(-1)
  const heap = new Heap((one, other) => {
    const [weight, than] = [weights[one] as number, weights[other] as number]
    return (
      weight < than || (weight === than && (depths[one] as number) <= (depths[other] as number))
    )
  })
  for (const symbol of symbols) heap.append(symbol)
  heap.order()
  const order: number[] = []
  let node = words
  while (heap.size > 1) {
    const first = heap.take()
    const second = heap.top
    order.push(first, second)
    weights[node] = (weights[first] as number) + (weights[second] as number)
    depths[node] = Math.max(depths[first] as number, depths[second] as number) + 1
    parents[first] = node
    parents[second] = node
    heap.replace(node)
    node += 1
  }
  order.push(heap.top)
  return { parents, order }
}

/** Lengths from the root down; what would be too long is shortened, and others give way. */
const lengthsOf = ({ parents, order }: Joined, words: number, most: number): Uint8Array => {
  const all = new Uint8Array(parents.length)
  const counts = new Int32Array(most + 1)
  let overflow = 0
  const fromRoot = order.toReversed()
  for (const node of fromRoot.slice(1)) {
    let length = (all[parents[node] as number] as number) + 1
    if (length > most) {
      length = most
      overflow += 1
    }
    all[node] = length
    if (node < words) counts[length] = (counts[length] as number) + 1
  }
  if (overflow === 0) return all.slice(0, words)
  for (; overflow > 0; overflow -= 2) {
    let bits = most - 1
    while (counts[bits] === 0) bits -= 1
    counts[bits] = (counts[bits] as number) - 1
    counts[bits + 1] = (counts[bits + 1] as number) + 2
    counts[most] = (counts[most] as number) - 1
  }
  const rarestFirst = order.filter(node => node < words)
  let at = 0
  for (let bits = most; bits > 0; bits -= 1) {
    for (let left = counts[bits] as number; left > 0; left -= 1) {
      all[rarestFirst[at] as number] = bits
      at += 1
    }
  }
  return all.slice(0, words)
}

const buildTree = (frequencies: Uint32Array, most: number): Tree => {
  const words = frequencies.length
  const symbols: number[] = []
  for (const [symbol, frequency] of frequencies.entries()) if (frequency > 0) symbols.push(symbol)
  let last = symbols.at(-1) ?? -1
  // There are at least two words, so that each has at least a bit.
  while (symbols.length < 2) {
    const forced = last < 2 ? ++last : 0
    symbols.push(forced)
  }
  const lengths = lengthsOf(join(frequencies, symbols, words), words, most)
  return { lengths, last }
}

/** A length, or a repetition, and the bits that follow it. */
type Told = readonly [word: number, extra: number, extraBits: number]

/** How the lengths of a tree are told, as zlib does. */
const tell = ({ lengths, last }: Tree): Told[] => {
  const told: Told[] = []
  let before = -1
  for (let at = 0; at <= last; ) {
    const length = lengths[at] as number
    const [most, least] = length === 0 ? [138, 3] : length === before ? [6, 3] : [7, 4]
    let count = 1
    while (count < most && at + count <= last && lengths[at + count] === length) count += 1
    at += count
    if (count < least) for (; count > 0; count -= 1) told.push([length, 0, 0])
    else if (length !== 0) {
      if (length !== before) {
        told.push([length, 0, 0])
        count -= 1
      }
      told.push([repeatBefore, count - 3, 2])
    } else if (count <= 10) told.push([fewZeros, count - 3, 3])
    else told.push([manyZeros, count - 11, 7])
    before = length
  }
  return told
}

export interface UsualHead {
  /** From HLIT on, the first bit lowest, filled up with zeros. */
  readonly bits: Uint8Array
  readonly bitCount: number
}

export class SymbolCounts {
  readonly literals = new Uint32Array(literalWords)
  readonly distances = new Uint32Array(distanceWords)

  /** A block begins: nothing was counted yet. */
  begin(): void {
    this.literals.fill(0)
    this.distances.fill(0)
  }
}

/** The beginning of a block with so many of each symbol, its end counted too. */
export const usualHead = ({ literals, distances }: SymbolCounts): UsualHead => {
  const trees = [buildTree(literals, 15), buildTree(distances, 15)] as const
  const told = trees.flatMap(tell)
  const frequencies = new Uint32Array(lengthWords)
  for (const [word] of told) frequencies[word] = (frequencies[word] as number) + 1
  const { lengths } = buildTree(frequencies, 7)
  let codes = lengthWords
  while (codes > 4 && lengths[lengthOrder[codes - 1] as number] === 0) codes -= 1
  const parts: Uint8Array[] = []
  const out = new BitWriter(bytes => void parts.push(Uint8Array.from(bytes)), 2 ** 16)
  let bitCount = 0
  const put = (value: number, bits: number): void => {
    out.put(value, bits)
    bitCount += bits
  }
  put(trees[0].last - 256, 5)
  put(trees[1].last, 5)
  put(codes - 4, 4)
  for (const symbol of lengthOrder.slice(0, codes)) put(lengths[symbol] as number, 3)
  const { words } = makeEncoder(lengths)
  for (const [word, extra, extraBits] of told) {
    put(words[word] as number, lengths[word] as number)
    put(extra, extraBits)
  }
  out.pad(0)
  out.end()
  return { bits: Buffer.concat(parts), bitCount }
}
