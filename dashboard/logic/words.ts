// Numbers as people read them: sizes, rates, times, parts. No clock and no locale but the given one.

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const

const rounded = (value: number): string =>
  value >= 100 ? String(Math.round(value)) : value.toFixed(1).replace(/\.0$/, '')

/** 1234567 → "1.2 MB"; decimal units, as disks and networks are sold. */
export const sizeText = (bytes: number): string => {
  let value = Math.max(0, bytes)
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${rounded(value)} ${units[unit]}`
}

/** "1.2 MB/s" */
export const rateText = (bytesPerSecond: number): string => `${sizeText(bytesPerSecond)}/s`

/** Never "100 %" of what is not whole, nor "0 %" of what has begun. */
export const partText = (part: number): string => {
  if (!Number.isFinite(part) || part <= 0) return '0 %'
  if (part >= 1) return '100 %'
  if (part < 0.01) return '< 1 %'
  return `${Math.min(99, Math.floor(part * 100))} %`
}

/** "4.2 s", "3 min", "5 h 20 min", "2 d 3 h" */
export const durationText = (ms: number): string => {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 10) return `${seconds.toFixed(1).replace(/\.0$/, '')} s`
  if (seconds < 60) return `${Math.round(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  const days = Math.floor(hours / 24)
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`
}

/** "just now", "3 min ago" */
export const agoText = (atMs: number, nowMs: number): string =>
  nowMs - atMs < 5_000 ? 'just now' : `${durationText(nowMs - atMs)} ago`

/** "12,345" */
export const countText = (count: number): string =>
  String(Math.round(count)).replace(/\B(?=(?:\d{3})+$)/g, ',')

/** "1 file", "2 files" */
export const countedText = (count: number, one: string, several = `${one}s`): string =>
  `${countText(count)} ${count === 1 ? one : several}`

/** A percent-encoded path for people: decoded where it is UTF-8 and nothing in it misleads. */
export const readablePath = (path: string): string => {
  try {
    const text = decodeURIComponent(path)
    // Control characters, and those that change the direction of writing.
    return /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text) ? path : text
  } catch {
    return path
  }
}

/** How a person writes a path of the repository, as the URL's path has it. */
export const typedPath = (text: string): string => {
  const plain = text.trim().replace(/^https?:\/\/[^/]+/, '')
  const path = plain.startsWith('/') ? plain : `/${plain}`
  return /%[0-9A-Fa-f]{2}/.test(path) ? path : path.split('/').map(encodeURIComponent).join('/')
}
