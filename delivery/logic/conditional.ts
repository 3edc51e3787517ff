// Conditional requests (RFC 9110, 13): whether the client may have the file, has it already, or
// may have the ranges it asks for.

import { equalStrongly, equalWeakly, parseEntityTag, parseEntityTags } from './entity-tag.ts'
import { parseHttpDate } from './http-date.ts'

/** Header names in lower case, as Node gives them. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

export interface Validators {
  /** A strong entity tag with its quotes. */
  readonly etag: string
  readonly modifiedSeconds: number
}

/** The value of a header; of a repeated one, all values as one list. */
export const headerOf = (headers: RequestHeaders, name: string): string | undefined => {
  const value = headers[name]
  return typeof value === 'string' || value === undefined ? value : value.join(', ')
}

const currentTag = (validators: Validators) => ({ weak: false, opaque: validators.etag })

const matchesAny = (
  list: string,
  validators: Validators,
  equal: typeof equalStrongly | typeof equalWeakly,
): boolean =>
  list.trim() === '*' || parseEntityTags(list).some(tag => equal(tag, currentTag(validators)))

/**
 * The preconditions in the order of RFC 9110, 13.2.2, for GET and HEAD of a file that exists. One
 * stricter reading: If-Modified-Since means "not this date" rather than "not newer" (as in nginx),
 * because a path may go back to an older content, with an older date, and must then be sent.
 */
export const judgePreconditions = (
  headers: RequestHeaders,
  validators: Validators,
): 'send' | 'not-modified' | 'failed' => {
  const ifMatch = headerOf(headers, 'if-match')
  if (ifMatch !== undefined) {
    if (!matchesAny(ifMatch, validators, equalStrongly)) return 'failed'
  } else {
    const since = parseHttpDate(headerOf(headers, 'if-unmodified-since') ?? '')
    if (since !== null && validators.modifiedSeconds > since) return 'failed'
  }
  const ifNoneMatch = headerOf(headers, 'if-none-match')
  if (ifNoneMatch !== undefined) {
    return matchesAny(ifNoneMatch, validators, equalWeakly) ? 'not-modified' : 'send'
  }
  const since = parseHttpDate(headerOf(headers, 'if-modified-since') ?? '')
  return since !== null && since === validators.modifiedSeconds ? 'not-modified' : 'send'
}

/** Whether the ranges may be honoured: what the client has is of this very content. */
export const rangesApply = (headers: RequestHeaders, validators: Validators): boolean => {
  const ifRange = headerOf(headers, 'if-range')
  if (ifRange === undefined) return true
  const tag = parseEntityTag(ifRange)
  if (tag !== null) return equalStrongly(tag, currentTag(validators))
  return parseHttpDate(ifRange) === validators.modifiedSeconds
}
