// Finds the networks that an address lies in, longest first, in time that does not depend on how
// many networks there are but on how many lengths of prefixes. Pure; addresses are text.

import { addressBytes, type Network } from '../../core/networks.ts'

export interface PrefixMatch<T> {
  readonly prefixBits: number
  readonly values: readonly T[]
}

interface Length<T> {
  readonly bits: number
  readonly networks: Map<string, T[]>
}

/** The first `bits` bits, the same text for all addresses of a network. */
const prefixOf = (bytes: readonly number[], bits: number): string => {
  const whole = bits >>> 3
  let prefix = ''
  for (let index = 0; index < whole; index++) prefix += String.fromCharCode(bytes[index] ?? 0)
  const rest = bits & 7
  if (rest > 0) prefix += String.fromCharCode((bytes[whole] ?? 0) & (0xff00 >> rest) & 0xff)
  return prefix
}

export class PrefixTable<T> {
  /** By kind of address, lengths in falling order. */
  readonly #lengths: { readonly 4: Length<T>[]; readonly 16: Length<T>[] } = { 4: [], 16: [] }

  add({ base, prefixBits }: Network, value: T): void {
    const bytes = base.toByteArray()
    const lengths = this.#lengths[bytes.length === 4 ? 4 : 16]
    let length = lengths.find(({ bits }) => bits === prefixBits)
    if (length === undefined) {
      length = { bits: prefixBits, networks: new Map() }
      lengths.push(length)
      lengths.sort((a, b) => b.bits - a.bits)
    }
    const key = prefixOf(bytes, prefixBits)
    const values = length.networks.get(key)
    if (values === undefined) length.networks.set(key, [value])
    else values.push(value)
  }

  /** The networks around an address, longest prefix first; none for what is no address. */
  matches(address: string): PrefixMatch<T>[] {
    const bytes = addressBytes(address)
    if (bytes === null) return []
    const found: PrefixMatch<T>[] = []
    for (const { bits, networks } of this.#lengths[bytes.length === 4 ? 4 : 16]) {
      const values = networks.get(prefixOf(bytes, bits))
      if (values !== undefined) found.push({ prefixBits: bits, values })
    }
    return found
  }
}
