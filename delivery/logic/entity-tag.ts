// Entity tags (RFC 9110, 8.8.3) and the lists of them that conditional requests carry.

export interface EntityTag {
  readonly weak: boolean
  /** With its quotes. */
  readonly opaque: string
}

const tagPattern = /(?<weak>W\/)?(?<opaque>"[\x21\x23-\x7e\x80-\xff]*")/y
const separator = /[ \t]*(?:,[ \t]*)+|[ \t]*$/y

const tagAt = (text: string, start: number): { tag: EntityTag; end: number } | null => {
  tagPattern.lastIndex = start
  const fields = tagPattern.exec(text)?.groups
  const opaque = fields?.opaque
  if (opaque === undefined) return null
  return { tag: { weak: fields?.weak !== undefined, opaque }, end: tagPattern.lastIndex }
}

/** One entity tag and nothing else, or null. */
export const parseEntityTag = (text: string): EntityTag | null => {
  const trimmed = text.trim()
  const found = tagAt(trimmed, 0)
  return found !== null && found.end === trimmed.length ? found.tag : null
}

/** The tags of a list up to the first malformed one: what cannot be read matches nothing. */
export const parseEntityTags = (text: string): EntityTag[] => {
  const tags: EntityTag[] = []
  let position = text.length - text.replace(/^[ \t,]+/, '').length
  while (position < text.length) {
    const found = tagAt(text, position)
    if (found === null) break
    separator.lastIndex = found.end
    const next = separator.exec(text)
    if (next === null) break
    tags.push(found.tag)
    position = separator.lastIndex
  }
  return tags
}

/** Equal and neither of them weak: for ranges and writes. */
export const equalStrongly = (one: EntityTag, other: EntityTag): boolean =>
  !one.weak && !other.weak && one.opaque === other.opaque

/** Equal, weak or not: for revalidation. */
export const equalWeakly = (one: EntityTag, other: EntityTag): boolean =>
  one.opaque === other.opaque
