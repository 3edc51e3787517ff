// Logging: pino, one JSON line per event on stderr; stdout belongs to the commands' own output.
// Clients' addresses are people's: how much of them is written is the operator's choice, made here.

import { isIP } from 'node:net'
import { pino } from 'pino'
import { shortAddress } from './networks.ts'

export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** A logger whose lines follow what the operator changes. */
export interface AdjustableLogger extends Logger {
  /** From the next line on. */
  change(level: LogLevel, addresses: LogAddresses): void
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** full: as they are · short: IPv4 as /24, IPv6 as /48 · none: "-". */
export const logAddressModes = ['full', 'short', 'none'] as const
export type LogAddresses = (typeof logAddressModes)[number]

const ipv4Pattern = /\b\d{1,3}(?:\.\d{1,3}){3}\b/g
const ipv6Pattern =
  /(?<![\w:.])(?=[0-9A-Fa-f]*:[0-9A-Fa-f:]*:)[0-9A-Fa-f:]+(?:\.\d{1,3}){0,3}(?![\w:])/g

const hide = (address: string, mode: LogAddresses): string =>
  isIP(address) === 0 ? address : mode === 'none' ? '-' : shortAddress(address)

/** One address, as it is to be logged. */
export const logAddress = (address: string, mode: LogAddresses): string =>
  mode === 'full' ? address : hide(address, mode)

/** A text with every IP address in it shortened or left out. */
export const hideAddresses = (text: string, mode: LogAddresses): string =>
  mode === 'full'
    ? text
    : text
        .replace(ipv6Pattern, address => hide(address, mode))
        .replace(ipv4Pattern, address => hide(address, mode))

/** Fields that say where a daemon itself is, or a volunteer: those are published. */
const publicFields = new Set(['url'])

const hideInFields = (fields: Record<string, unknown>, mode: LogAddresses) =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' && !publicFields.has(name) ? hideAddresses(value, mode) : value,
    ]),
  )

/** A logger that names its part in every line. */
export const createLogger = (
  part: string,
  level: LogLevel,
  addresses: LogAddresses = 'full',
): AdjustableLogger => {
  let mode = addresses
  const log = (fields: Record<string, unknown>) =>
    mode === 'full' ? fields : hideInFields(fields, mode)
  const destination = pino.destination({ fd: 2, sync: true })
  const logger = pino({ level, base: { part }, formatters: { log } }, destination)
  const change = (newLevel: LogLevel, newAddresses: LogAddresses): void => {
    logger.level = newLevel
    mode = newAddresses
  }
  return Object.assign(logger, { change })
}

const ignore = (): void => undefined
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
