// Splits the words of a command line into options and places, by the command's option table. Values
// stay text here; where each came from is kept for messages.

import { suggestion } from './nearest.ts'
import { type OptionTable, optionName } from './option-spec.ts'
import { UsageError } from './usage-error.ts'

/** Text as written, and the name to blame in a message: '--listen', 'MIRRORSWARM_LISTEN', … */
export interface GivenText {
  readonly texts: readonly string[]
  readonly source: string
}

/** By camelCase key. */
export type GivenTexts = ReadonlyMap<string, GivenText>

interface Word {
  readonly name: string
  readonly inline: string | null
}

const splitWord = (word: string): Word => {
  const equals = word.indexOf('=')
  return equals < 0
    ? { name: word, inline: null }
    : { name: word.slice(0, equals), inline: word.slice(equals + 1) }
}

/** '--public-url' → its key, for every option that is given by name; '--no-x' for flags. */
const keysByWord = (table: OptionTable): ReadonlyMap<string, { key: string; negated: boolean }> => {
  const keys = new Map<string, { key: string; negated: boolean }>()
  for (const [key, spec] of Object.entries(table)) {
    if (spec.positional) continue
    keys.set(`--${optionName(key)}`, { key, negated: false })
    if (spec.short !== undefined) keys.set(`-${spec.short}`, { key, negated: false })
    if (spec.kind === 'flag') keys.set(`--no-${optionName(key)}`, { key, negated: true })
  }
  return keys
}

const flagText = (word: Word, negated: boolean): string => {
  if (!negated) return word.inline ?? 'true'
  if (word.inline !== null) throw new UsageError(`${word.name} takes no value`)
  return 'false'
}

const assignPlaces = (
  places: readonly string[],
  table: OptionTable,
  found: Map<string, GivenText>,
): void => {
  const keys = Object.keys(table).filter(key => table[key]?.positional)
  for (const [index, text] of places.entries()) {
    const key = keys[index]
    if (key === undefined) {
      throw new UsageError(`"${text}" is one argument too many (try --help)`)
    }
    found.set(key, { texts: [text], source: table[key]?.placeholder ?? optionName(key) })
  }
}

/**
 * Read the words behind the command's name. The last of a repeated option counts; lists collect.
 * Throws UsageError for unknown options, missing values and too many places.
 */
export const readArguments = (words: readonly string[], table: OptionTable): GivenTexts => {
  const known = keysByWord(table)
  const found = new Map<string, GivenText>()
  const places: string[] = []
  for (let index = 0; index < words.length; index++) {
    const text = words[index] ?? ''
    if (text === '--') {
      places.push(...words.slice(index + 1))
      break
    }
    if (!text.startsWith('-') || text === '-') {
      places.push(text)
      continue
    }
    const word = splitWord(text)
    const option = known.get(word.name)
    if (option === undefined) {
      const hint = suggestion(word.name, [...known.keys()], 'try --help')
      throw new UsageError(`there is no option ${word.name}${hint}`)
    }
    const spec = table[option.key]
    if (spec?.kind === 'flag') {
      found.set(option.key, { texts: [flagText(word, option.negated)], source: word.name })
      continue
    }
    const value = word.inline ?? words[++index]
    if (value === undefined || (word.inline === null && value.startsWith('--'))) {
      throw new UsageError(`${word.name} needs a value (${word.name} ${spec?.placeholder ?? '…'})`)
    }
    const before = spec?.kind === 'list' ? (found.get(option.key)?.texts ?? []) : []
    found.set(option.key, { texts: [...before, value], source: word.name })
  }
  assignPlaces(places, table, found)
  return found
}
