// IP networks (RFC 4632, RFC 4291) and what kind of place an address is. IPv4 addresses mapped into
// IPv6 count as the IPv4 address they are. Pure; host names are not looked up here.

import ipaddr from 'ipaddr.js'
import { rememberedAddresses } from './access-limits.ts'
import { MirrorswarmError } from './errors.ts'
import { ownText } from './own-text.ts'

type Address = ipaddr.IPv4 | ipaddr.IPv6

export interface Network {
  /** As the person wrote it. */
  readonly text: string
  readonly base: Address
  readonly prefixBits: number
}

/** loopback: this machine · private: an organisation's own · unusable: nobody's server is there. */
export type AddressKind = 'loopback' | 'private' | 'public' | 'unusable'

const mappedPrefixBits = 96

/** What texts that are addresses mean: clients come again and again. Nobody changes an address. */
const known = new Map<string, Address>()

/** Only the usual notations: no octal, hexadecimal or short IPv4 forms, which programs disagree on. */
const parseAddress = (text: string): Address | null => {
  const remembered = known.get(text)
  if (remembered !== undefined) return remembered
  const address = newAddress(text)
  if (address === null) return null
  if (known.size >= rememberedAddresses) known.clear()
  known.set(ownText(text), address)
  return address
}

const newAddress = (text: string): Address | null => {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text)
  const unscoped = text.replace(/%[\w.-]{1,32}$/, '')
  if (!unscoped.includes(':') || !ipaddr.IPv6.isValid(unscoped)) return null
  return ipaddr.IPv6.parse(unscoped)
}

const unmapped = (address: Address): Address =>
  address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()
    ? address.toIPv4Address()
    : address

/** 4 or 16 bytes of an address as sockets give it; null for anything else. */
export const addressBytes = (text: string): readonly number[] | null => {
  const parsed = parseAddress(text)
  return parsed === null ? null : unmapped(parsed).toByteArray()
}

/** Parse '10.0.0.0/8', '2001:db8::/32' or a single address. Throws MS_CONFIG_INVALID. */
export const parseNetwork = (text: string): Network => {
  const [, addressText = '', prefixText] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text.trim()) ?? []
  const written = parseAddress(addressText)
  const width = written?.kind() === 'ipv4' ? 32 : 128
  const prefixBits = prefixText === undefined ? width : Number(prefixText)
  if (written === null || prefixBits > width) {
    throw new MirrorswarmError(
      'MS_CONFIG_INVALID',
      `"${text}" is not a network; write for example 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7`,
    )
  }
  const base = prefixBits >= mappedPrefixBits ? unmapped(written) : written
  return { text, base, prefixBits: base === written ? prefixBits : prefixBits - mappedPrefixBits }
}

/** True when the address (text as sockets give it) lies in one of the networks. */
export const inNetworks = (networks: readonly Network[], address: string): boolean => {
  const parsed = parseAddress(address)
  if (parsed === null) return false
  const plain = unmapped(parsed)
  return networks.some(
    ({ base, prefixBits }) => base.kind() === plain.kind() && plain.match(base, prefixBits),
  )
}

/** An address as one text, however it was written: no zone, IPv4 in IPv6 as IPv4; null if it is none. */
export const plainAddress = (text: string): string | null => {
  const parsed = parseAddress(text)
  return parsed === null ? null : unmapped(parsed).toString()
}

/**
 * What one client can have many of counts as one: an IPv6 address as its /64 (the least that a
 * customer gets), an IPv4 address, and text that is no address, as itself.
 */
export const addressBlock = (address: string): string => {
  if (!address.includes(':')) return address
  const parsed = parseAddress(address)
  if (parsed === null) return address
  const plain = unmapped(parsed)
  return plain instanceof ipaddr.IPv6
    ? `${plain.parts
        .slice(0, 4)
        .map(part => part.toString(16))
        .join(':')}::/64`
    : plain.toString()
}

/** An address without what tells machines apart: IPv4 as its /24, IPv6 as its /48. */
export const shortAddress = (address: string): string => {
  const parsed = parseAddress(address)
  if (parsed === null) return '-'
  const plain = unmapped(parsed)
  if (plain instanceof ipaddr.IPv6) {
    return `${plain.parts
      .slice(0, 3)
      .map(part => part.toString(16))
      .join(':')}::`
  }
  return `${plain.octets.slice(0, 3).join('.')}.0`
}

const kindOfRange: Readonly<Record<string, AddressKind>> = {
  unicast: 'public',
  loopback: 'loopback',
  private: 'private',
  uniqueLocal: 'private',
  carrierGradeNat: 'private',
}

/**
 * What kind of place an address is. Link-local, multicast, unspecified, reserved and documentation
 * addresses are unusable, and so are IPv6 forms that tunnel to an IPv4 address of any kind (6to4,
 * Teredo, NAT64): they would lead around a check. So is text that is no address.
 */
export const classifyAddress = (address: string): AddressKind => {
  const parsed = parseAddress(address)
  return parsed === null ? 'unusable' : (kindOfRange[unmapped(parsed).range()] ?? 'unusable')
}

/**
 * What a bound for each client counts by: an IPv4 address, or the /64 of an IPv6 address, of which
 * one machine may have any number. Text that is no address is its own.
 */
export const clientBlock = (address: string): string => {
  const parsed = parseAddress(address)
  if (parsed === null) return address
  const plain = unmapped(parsed)
  if (plain instanceof ipaddr.IPv4) return plain.toString()
  return plain.parts
    .slice(0, 4)
    .map(part => part.toString(16))
    .join(':')
}
