// Where addresses are, by the operator's MaxMind DB files (GeoLite2, DB-IP and others of that form):
// autonomous system and country. The files are read once, into memory.

import { readFile } from 'node:fs/promises'
import { Reader, type Response } from 'mmdb-lib'
import { describeError, MirrorswarmError } from '../core/errors.ts'
import type { GeoPlace } from './standings.ts'

const field = (value: unknown, ...names: readonly string[]): unknown => {
  let found = value
  for (const name of names) {
    if (typeof found !== 'object' || found === null) return undefined
    found = (found as Readonly<Record<string, unknown>>)[name]
  }
  return found
}

/** As GeoLite2 and DB-IP have it, or as text ('AS64500'). */
const asnOf = (record: unknown): number | null => {
  const number = field(record, 'autonomous_system_number')
  if (Number.isSafeInteger(number)) return number as number
  const text = field(record, 'asn')
  const [, digits] = /^(?:AS)?(\d{1,10})$/i.exec(typeof text === 'string' ? text : '') ?? []
  return digits === undefined ? null : Number(digits)
}

/** Where the address is, else where its network is registered. */
const countryOf = (record: unknown): string | null => {
  const codes = [
    field(record, 'country', 'iso_code'),
    field(record, 'country_code'),
    field(record, 'registered_country', 'iso_code'),
  ]
  const code = codes.find(each => typeof each === 'string' && /^[A-Z]{2}$/.test(each))
  return typeof code === 'string' ? code : null
}

export class GeoDatabase {
  readonly #readers: readonly Reader<Response>[]

  private constructor(readers: readonly Reader<Response>[]) {
    this.#readers = readers
  }

  /** Read all files; throws MS_CONFIG_INVALID for one that is none. */
  static async open(files: readonly string[]): Promise<GeoDatabase> {
    const open = async (file: string): Promise<Reader<Response>> => {
      try {
        return new Reader<Response>(await readFile(file))
      } catch (error) {
        const message = `cannot read the geo database ${file}: ${describeError(error)}`
        throw new MirrorswarmError('MS_CONFIG_INVALID', message, { cause: error })
      }
    }
    return new GeoDatabase(await Promise.all(files.map(open)))
  }

  /** What the files say of an address, the first that says something; never throws. */
  find(address: string): GeoPlace {
    const plain = address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '')
    let asn: number | null = null
    let country: string | null = null
    for (const reader of this.#readers) {
      const record = lookUp(reader, plain)
      asn ??= asnOf(record)
      country ??= countryOf(record)
    }
    return { asn, country }
  }
}

/** A damaged part of a file, or a file of IPv4 only, says nothing. */
const lookUp = (reader: Reader<Response>, address: string): unknown => {
  try {
    return reader.get(address)
  } catch {
    return null
  }
}
