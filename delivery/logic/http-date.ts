// HTTP dates (RFC 9110, 5.6.7): written in the one preferred form, read in all three, nothing else.

const dayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const monthNames = [
  'Jan',
  'Feb',
  'Mar',
  'Apr',
  'May',
  'Jun',
  'Jul',
  'Aug',
  'Sep',
  'Oct',
  'Nov',
  'Dec',
]
/** 9999-12-31T23:59:59Z: the last second that has four digits for its year. */
const lastSecond = 253_402_300_799
/** Years of two digits below this are 20xx: the obsolete form has no other way to tell. */
const centuryPivot = 70

const month = `(?<month>${monthNames.join('|')})`
const time = '(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)'
const longDays = 'Sunday|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday'
const shortDays = dayNames.join('|')
const forms = [
  new RegExp(`^(?:${shortDays}), (?<day>\\d\\d) ${month} (?<year>\\d{4}) ${time} GMT$`),
  new RegExp(`^(?:${longDays}), (?<day>\\d\\d)-${month}-(?<year>\\d\\d) ${time} GMT$`),
  new RegExp(`^(?:${shortDays}) ${month} (?<day>[ \\d]\\d) ${time} (?<year>\\d{4})$`),
]

const daySeconds = 86_400
/** Two digits each, "00" to "59". */
const twoDigits = Array.from({ length: 60 }, (_, value) => String(value).padStart(2, '0'))

/** Most files of a repository are from few days: so many are remembered. */
const rememberedDays = 8_192
const dayTexts = new Map<number, string>()

/** "Sun, 06 Nov 1994", by the number of the day since 1970. */
const dayText = (day: number): string => {
  const known = dayTexts.get(day)
  if (known !== undefined) return known
  const date = new Date(day * daySeconds * 1000)
  const year = String(date.getUTCFullYear()).padStart(4, '0')
  const month = `${twoDigits[date.getUTCDate()]} ${monthNames[date.getUTCMonth()]}`
  const text = `${dayNames[date.getUTCDay()]}, ${month} ${year}`
  if (dayTexts.size >= rememberedDays) dayTexts.clear()
  dayTexts.set(day, text)
  return text
}

/** IMF-fixdate, e.g. "Sun, 06 Nov 1994 08:49:37 GMT", of seconds since 1970. */
export const formatHttpDate = (seconds: number): string => {
  const whole = Math.min(Math.max(Math.floor(seconds), 0), lastSecond)
  const day = Math.floor(whole / daySeconds)
  const rest = whole - day * daySeconds
  const hour = Math.floor(rest / 3600)
  const minute = Math.floor((rest - hour * 3600) / 60)
  const time = `${twoDigits[hour]}:${twoDigits[minute]}:${twoDigits[rest % 60]}`
  return `${dayText(day)} ${time} GMT`
}

/** Seconds since 1970 of a date in one of the three forms, else null. */
export const parseHttpDate = (text: string): number | null => {
  for (const form of forms) {
    const fields = form.exec(text.trim())?.groups
    if (fields === undefined) continue
    const { day = '', hour = '', minute = '', second = '' } = fields
    const short = Number(fields.year)
    const year = fields.year?.length === 4 ? short : short + (short < centuryPivot ? 2000 : 1900)
    const monthIndex = monthNames.indexOf(fields.month ?? '')
    const days = new Date(Date.UTC(year, monthIndex + 1, 0)).getUTCDate()
    const inRange = Number(day) >= 1 && Number(day) <= days && Number(hour) <= 23
    if (!inRange || Number(minute) > 59 || Number(second) > 60) return null
    return (
      Date.UTC(year, monthIndex, Number(day), Number(hour), Number(minute), Number(second)) / 1000
    )
  }
  return null
}
