// bencode 4 ships no types.

declare module 'bencode' {
  const bencode: {
    encode(value: unknown): Uint8Array
    /** Byte strings come back as Uint8Array; throws on what is not bencoded; null for no bytes. */
    decode(data: Uint8Array): unknown
  }

  export { bencode as default }
}
