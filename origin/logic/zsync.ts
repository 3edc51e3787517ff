// The format of .zsync files (zsync 0.6.2): how large blocks and their sums are, the header, and the
// rolling sum. Which MD4 is used, and where bytes come from, it does not know.

import type { Content } from '../../manifest/model.ts'

export interface ZsyncShape {
  readonly blockBytes: number
  /** Blocks in a row that must match for a match to count. */
  readonly sequence: number
  /** Bytes kept of each block's rolling sum, the last ones. */
  readonly rollingBytes: number
  /** Bytes kept of each block's MD4, the first ones. */
  readonly strongBytes: number
}

const largeFileBytes = 100_000_000

/** As zsyncmake chooses them. `sizeBytes`: more than 0. */
export const zsyncShape = (sizeBytes: number): ZsyncShape => {
  const blockBytes = sizeBytes < largeFileBytes ? 2048 : 4096
  const sequence = sizeBytes > blockBytes ? 2 : 1
  const sizeBits = Math.log(sizeBytes) / Math.LN2
  const blocksBits = Math.log(1 + Math.floor(sizeBytes / blockBytes)) / Math.LN2
  const rolling = Math.ceil((sizeBits + Math.log2(blockBytes) - 8.6) / sequence / 8)
  const inSequence = Math.ceil((20 + sizeBits + blocksBits) / sequence / 8)
  const alone = Math.floor((7.9 + 20 + blocksBits) / 8)
  return {
    blockBytes,
    sequence,
    rollingBytes: Math.min(4, Math.max(2, rolling)),
    strongBytes: Math.max(inSequence, alone),
  }
}

/** Both halves of zsync's rolling sum as 32 bits, a above b. A short block counts as filled with zeros. */
export const zsyncSum = (block: Uint8Array, blockBytes: number): number => {
  let a = 0
  let b = 0
  for (let index = 0; index < block.length; index++) {
    const byte = block[index] as number
    a += byte
    b += (blockBytes - index) * byte
  }
  return (((a & 0xffff) << 16) | (b & 0xffff)) >>> 0
}

const printable = /^[\x20-\x7e\x80-\xff]+$/

/**
 * Copies of the plain URL in a header that also names "?direct". The client takes one by chance and
 * falls back to the others: it follows 302 to http only, and neither 307 nor https.
 */
const redirectedUrls = 3

/**
 * The header with the empty line that ends it, as bytes in Latin-1. `rawName`: the file's own name,
 * `urlName`: the same percent-encoded, which is the URL relative to that of the .zsync.
 */
export const zsyncHeader = (
  content: Pick<Content, 'sizeBytes' | 'sha1' | 'modifiedSeconds'>,
  names: { readonly rawName: Buffer; readonly urlName: string },
): Buffer => {
  const { blockBytes, sequence, rollingBytes, strongBytes } = zsyncShape(content.sizeBytes)
  const name = names.rawName.toString('latin1')
  const lines = [
    'zsync: 0.6.2',
    ...(printable.test(name) ? [`Filename: ${name}`] : []),
    `MTime: ${new Date(content.modifiedSeconds * 1000).toUTCString().replace('GMT', '+0000')}`,
    `Blocksize: ${blockBytes}`,
    `Length: ${content.sizeBytes}`,
    `Hash-Lengths: ${sequence},${rollingBytes},${strongBytes}`,
    ...Array.from({ length: redirectedUrls }, () => `URL: ${names.urlName}`),
    `URL: ${names.urlName}?direct`,
    `SHA-1: ${content.sha1}`,
  ]
  return Buffer.from(`${lines.join('\n')}\n\n`, 'latin1')
}
