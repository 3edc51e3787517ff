// Sizes, rates and durations as people write and read them: '10MB', '1GiB', '100Mbit/s', '1h30m'.
// Decimal prefixes are powers of 1000, binary ones of 1024, as SI and IEC 80000-13 have it.

import { MirrorswarmError } from './errors.ts'

const sizeUnits: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  pb: 1e15,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
  pib: 2 ** 50,
}

const bitUnits: Readonly<Record<string, number>> = {
  bit: 1 / 8,
  kbit: 1e3 / 8,
  mbit: 1e6 / 8,
  gbit: 1e9 / 8,
  tbit: 1e12 / 8,
}

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

const amountPattern = /^(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]*)$/i

const invalid = (what: string, text: string, hint: string): MirrorswarmError =>
  new MirrorswarmError('MS_CONFIG_INVALID', `"${text}" is not a ${what}; ${hint}`)

const amount = (text: string, units: Readonly<Record<string, number>>): number | null => {
  const match = amountPattern.exec(text.trim())
  const factor = units[(match?.[2] ?? '').toLowerCase()]
  if (match === null || factor === undefined) return null
  const value = Math.round(Number(match[1]) * factor)
  return Number.isSafeInteger(value) ? value : null
}

/** Bytes of '512', '10MB', '1.5 GiB'. Throws MS_CONFIG_INVALID. */
export const parseSize = (text: string): number => {
  const bytes = amount(text, sizeUnits)
  if (bytes === null) throw invalid('size', text, 'write for example 10MB, 1GiB or 4096')
  return bytes
}

/** Bytes a second of '10MB', '10MB/s', '100Mbit/s'; more than zero. Throws MS_CONFIG_INVALID. */
export const parseRate = (text: string): number => {
  const bytes = amount(text.trim().replace(/\s*\/\s*s$/i, ''), { ...sizeUnits, ...bitUnits })
  if (bytes === null || bytes === 0) {
    throw invalid('rate', text, 'write for example 10MB/s, 512KiB or 100Mbit/s')
  }
  return bytes
}

/** Milliseconds of '500ms', '30s', '1h30m', '7d'; '0' needs no unit. Throws MS_CONFIG_INVALID. */
export const parseDuration = (text: string): number => {
  const trimmed = text.trim().toLowerCase()
  if (trimmed === '0') return 0
  const parts = trimmed.match(/\d+(?:\.\d+)?\s*(?:ms|s|m|h|d|w)\s*/g) ?? []
  let ms = 0
  for (const part of parts) ms += amount(part, durationUnits) ?? Number.NaN
  if (parts.length === 0 || parts.join('') !== trimmed || !Number.isSafeInteger(ms)) {
    throw invalid('duration', text, 'write for example 500ms, 30s, 1h30m or 7d')
  }
  return ms
}

const threeDigits = (value: number): string =>
  value < 9.995
    ? value.toFixed(2).replace(/\.?0+$/, '')
    : value < 99.95
      ? value.toFixed(1).replace(/\.0$/, '')
      : value.toFixed(0)

/** '999 B', '1.5 kB', '12.3 MB': three digits, decimal prefixes. */
export const formatSize = (bytes: number): string => {
  const names = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let value = bytes
  let index = 0
  while (value >= 999.5 && index < names.length - 1) {
    value /= 1000
    index++
  }
  return `${threeDigits(value)} ${names[index]}`
}

/** '350ms', '12s', '3m 20s', '2h 5m', '3d 4h': the two largest units. */
export const formatDuration = (ms: number): string => {
  if (ms < 1000) return `${Math.round(ms)}ms`
  let seconds = Math.round(ms / 1000)
  const parts: string[] = []
  for (const [name, length] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(seconds / length)
    seconds -= count * length
    if (count > 0 || parts.length > 0) parts.push(`${count}${name}`)
    if (parts.length === 2) break
  }
  return parts.filter((part, index) => index === 0 || !/^0/.test(part)).join(' ')
}
