// Logging: pino, one JSON line per event on stderr; stdout belongs to the commands' own output.

import { pino } from 'pino'

export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** A logger that names its part in every line. */
export const createLogger = (part: string, level: LogLevel): Logger =>
  pino({ level, base: { part } }, pino.destination({ fd: 2, sync: true }))

const ignore = (): void => undefined
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
