// Hours of the day in which a donor lends the machine, on the wall clock of a time zone, so that
// "20:00" stays 20:00 when summer time begins. Pure: the time comes in as a value.

import { MirrorswarmError } from './errors.ts'

interface HoursRange {
  /** Minutes after midnight; `end` may be 1440, and lies before `start` over midnight. */
  readonly startMinute: number
  readonly endMinute: number
  readonly wallClock: Intl.DateTimeFormat
}

export interface Hours {
  /** As the donor wrote it. */
  readonly text: string
  readonly ranges: readonly HoursRange[]
}

const rangePattern = /^(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})(?:\s+(\S+))?$/

const invalid = (text: string, why: string): MirrorswarmError =>
  new MirrorswarmError(
    'MS_CONFIG_INVALID',
    `"${text}" is not a range of hours: ${why}; write for example "20:00-07:00 Europe/Paris"`,
  )

const minuteOfDay = (text: string, hours = '', minutes = ''): number => {
  const total = Number(hours) * 60 + Number(minutes)
  if (Number(minutes) > 59 || total > 24 * 60) throw invalid(text, `no day has ${hours}:${minutes}`)
  return total
}

const wallClockOf = (text: string, zone: string): Intl.DateTimeFormat => {
  try {
    return new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw invalid(text, `there is no time zone "${zone}"`)
  }
}

/**
 * Parse "20:00-07:00 Europe/Paris"; several ranges are separated by ",", and one without a zone has
 * that of the next one with a zone. Throws MS_CONFIG_INVALID.
 */
export const parseHours = (text: string): Hours => {
  const ranges: HoursRange[] = []
  let wallClock: Intl.DateTimeFormat | undefined
  for (const part of text.split(',').reverse()) {
    const match = rangePattern.exec(part.trim())
    if (match === null) throw invalid(text, `"${part.trim()}" has another form`)
    const startMinute = minuteOfDay(text, match[1], match[2])
    const endMinute = minuteOfDay(text, match[3], match[4])
    if (match[5] !== undefined) wallClock = wallClockOf(text, match[5])
    if (wallClock === undefined) throw invalid(text, 'the time zone is missing')
    if (startMinute === endMinute || startMinute === 24 * 60) {
      throw invalid(text, 'it begins when it ends (the whole day is 00:00-24:00)')
    }
    ranges.unshift({ startMinute, endMinute, wallClock })
  }
  return { text, ranges }
}

const minuteAt = (wallClock: Intl.DateTimeFormat, nowMs: number): number => {
  const [hours = '', minutes = ''] = wallClock.format(nowMs).split(':')
  return Number(hours) * 60 + Number(minutes)
}

/** True when `nowMs` (since 1970) lies in one of the ranges; the end is excluded. */
export const isOpen = (hours: Hours, nowMs: number): boolean =>
  hours.ranges.some(({ startMinute, endMinute, wallClock }) => {
    const minute = minuteAt(wallClock, nowMs)
    return startMinute < endMinute
      ? minute >= startMinute && minute < endMinute
      : minute >= startMinute || minute < endMinute
  })
