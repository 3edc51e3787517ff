// What an option is: its kind, the text that its user writes, and the value that a command gets.
// Everything else (arguments, environment, YAML, help) is driven by these specifications.

import { resolve } from 'node:path'
import { MirrorswarmError } from '../core/errors.ts'
import { parseDuration, parseRate, parseSize } from '../core/units.ts'

export interface HostPort {
  readonly host: string
  readonly port: number
}

interface KindValues {
  string: string
  /** A file or folder; commands get it absolute. */
  path: string
  /** Bytes. */
  size: number
  /** Bytes a second. */
  rate: number
  /** Milliseconds. */
  duration: number
  count: number
  flag: boolean
  list: readonly string[]
  hostport: HostPort
  /** http or https, without a trailing slash. */
  url: string
}

export type OptionKind = keyof KindValues

export interface OptionSpec {
  readonly kind: OptionKind
  /** One sentence without a full stop. */
  readonly help: string
  readonly placeholder?: string
  /** One letter: 'o' for -o. */
  readonly short?: string
  /** As a user would write it. */
  readonly default?: string
  readonly choices?: readonly string[]
  /** The smallest value of a count; 1 unless given. */
  readonly least?: number
  readonly required?: true
  /** A daemon that runs takes another value at SIGHUP. */
  readonly reloads?: true
  /** Given by its place instead of by its name. */
  readonly positional?: true
  /** Throws MS_CONFIG_INVALID for text that its later reader would refuse. */
  readonly check?: (text: string) => unknown
}

/** By camelCase name, in the order of the help. */
export type OptionTable = Readonly<Record<string, OptionSpec>>

type Given<S> = S extends { readonly choices: readonly (infer C)[] }
  ? C
  : S extends { readonly kind: infer K extends OptionKind }
    ? KindValues[K]
    : never

type Always = { readonly default: string } | { readonly required: true }

type ValueOf<S> = S extends { readonly kind: 'flag' | 'list' } | Always ? Given<S> : Given<S> | null

/** What a command gets: null for what was not given and has no default. */
export type Values<T extends OptionTable> = { readonly [K in keyof T]: ValueOf<T[K]> }

/** publicUrl → 'public-url', as arguments and configuration files have it. */
export const optionName = (key: string): string =>
  key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)

/** publicUrl → 'MIRRORSWARM_PUBLIC_URL'. */
export const environmentName = (key: string): string =>
  `MIRRORSWARM_${optionName(key).replaceAll('-', '_').toUpperCase()}`

/**
 * What a command is about (a volunteer's name, a path of the repository) is given by its place alone;
 * a folder that a daemon works on may also be configured.
 */
export const onlyByPlace = (spec: OptionSpec): boolean =>
  spec.positional === true && spec.kind !== 'path'

const invalid = (message: string): MirrorswarmError =>
  new MirrorswarmError('MS_CONFIG_INVALID', message)

/** Throws MS_CONFIG_INVALID. */
export const parseHostPort = (text: string): HostPort => {
  const match = /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([\w.-]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) {
    throw invalid(`"${text}" is not HOST:PORT; write for example 0.0.0.0:8080 or [::1]:8080`)
  }
  return { host: match[1] ?? match[2] ?? '', port }
}

const parseUrl = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    throw invalid(`"${text}" is not a URL; write for example http://repo.example.org/`)
  }
  if (url.username !== '' || url.search !== '' || url.hash !== '') {
    throw invalid(`the URL "${text}" must not have a user, "?" or "#"`)
  }
  return url.href.replace(/\/+$/, '')
}

const parseCount = (text: string, least: number): number => {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : -1
  if (count < least) throw invalid(`"${text}" is not a whole number from ${least}`)
  return count
}

const parseFlag = (text: string): boolean => {
  if (/^(?:true|yes|1)$/i.test(text)) return true
  if (/^(?:false|no|0)$/i.test(text)) return false
  throw invalid(`"${text}" is neither true nor false`)
}

const parseString = (text: string, spec: OptionSpec): string => {
  if (text === '') throw invalid('the value is empty')
  if (spec.choices !== undefined && !spec.choices.includes(text)) {
    throw invalid(`"${text}" is not one of ${spec.choices.join(', ')}`)
  }
  return text
}

/** The value of one text (of each element, for a list). Throws MS_CONFIG_INVALID. */
export const parseValue = (text: string, spec: OptionSpec): KindValues[OptionKind] => {
  spec.check?.(text)
  switch (spec.kind) {
    case 'string':
    case 'list':
      return parseString(text, spec)
    case 'path':
      return resolve(parseString(text, spec))
    case 'size':
      return parseSize(text)
    case 'rate':
      return parseRate(text)
    case 'duration':
      return parseDuration(text)
    case 'count':
      return parseCount(text, spec.least ?? 1)
    case 'flag':
      return parseFlag(text)
    case 'hostport':
      return parseHostPort(text)
    case 'url':
      return parseUrl(text)
  }
}
