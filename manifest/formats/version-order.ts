// The order of version numbers, as dpkg has it: "~" before everything, digits by value, letters
// before other signs. It knows no packages.

const tilde = 0x7e

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39

const isLetter = (code: number): boolean => {
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x7a
}

/** Weight of a sign that is no digit; the end weighs 0. */
const weightOf = (code: number): number => {
  if (Number.isNaN(code) || isDigit(code)) return 0
  if (code === tilde) return -1
  return isLetter(code) ? code : code + 0x10000
}

const digitsAt = (text: string, from: number): string => {
  let end = from
  while (end < text.length && isDigit(text.charCodeAt(end))) end++
  return text.slice(from, end)
}

/** Digits by value, however many there are. */
const compareDigits = (left: string, right: string): number => {
  const one = left.replace(/^0+/, '')
  const other = right.replace(/^0+/, '')
  if (one.length !== other.length) return one.length - other.length
  return one < other ? -1 : Number(one > other)
}

/** dpkg's verrevcmp: signs and digits in turn. */
const comparePart = (left: string, right: string): number => {
  let i = 0
  let j = 0
  while (i < left.length || j < right.length) {
    while (
      (i < left.length && !isDigit(left.charCodeAt(i))) ||
      (j < right.length && !isDigit(right.charCodeAt(j)))
    ) {
      const difference = weightOf(left.charCodeAt(i)) - weightOf(right.charCodeAt(j))
      if (difference !== 0) return difference
      i++
      j++
    }
    const one = digitsAt(left, i)
    const other = digitsAt(right, j)
    const difference = compareDigits(one, other)
    if (difference !== 0) return difference
    i += one.length
    j += other.length
  }
  return 0
}

interface VersionParts {
  readonly epoch: string
  readonly upstream: string
  readonly revision: string
}

const partsOf = (version: string): VersionParts => {
  const epoch = /^(\d+):/.exec(version)?.[1] ?? ''
  const rest = epoch === '' ? version : version.slice(epoch.length + 1)
  const dash = rest.lastIndexOf('-')
  return dash < 0
    ? { epoch, upstream: rest, revision: '' }
    : { epoch, upstream: rest.slice(0, dash), revision: rest.slice(dash + 1) }
}

/**
 * Below zero if `left` is older (Debian Policy 5.6.12). A total order: versions that dpkg holds for
 * equal ("1.0" and "1.00") follow the order of their texts.
 */
export const compareVersions = (left: string, right: string): number => {
  const one = partsOf(left)
  const other = partsOf(right)
  const order =
    compareDigits(one.epoch, other.epoch) ||
    comparePart(one.upstream, other.upstream) ||
    comparePart(one.revision, other.revision)
  if (order !== 0) return order
  return left < right ? -1 : Number(left > right)
}
