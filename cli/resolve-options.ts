// Brings together what the user wrote in four places: argument before environment before file
// before default. What comes out is checked and typed.

import { describeError } from '../core/errors.ts'
import { type GivenText, type GivenTexts, readArguments } from './arguments.ts'
import { readConfigFile } from './config-file.ts'
import {
  environmentName,
  type OptionSpec,
  type OptionTable,
  onlyByPlace,
  optionName,
  parseValue,
  type Values,
} from './option-spec.ts'
import { UsageError } from './usage-error.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Empty variables count as not set; the elements of a list are separated by spaces. */
const readEnvironment = (environment: Environment, table: OptionTable): GivenTexts => {
  const found = new Map<string, GivenText>()
  for (const [key, spec] of Object.entries(table)) {
    if (onlyByPlace(spec)) continue
    const source = environmentName(key)
    const text = environment[source]?.trim()
    if (text === undefined || text === '') continue
    found.set(key, { texts: spec.kind === 'list' ? text.split(/\s+/) : [text], source })
  }
  return found
}

const shownName = (key: string, spec: OptionSpec): string =>
  spec.positional ? (spec.placeholder ?? optionName(key)) : `--${optionName(key)}`

const resolveValue = (key: string, spec: OptionSpec, given: GivenText | undefined): unknown => {
  const texts = given?.texts ?? (spec.default === undefined ? [] : [spec.default])
  const parse = (text: string): unknown => {
    try {
      return parseValue(text, spec)
    } catch (error) {
      throw new UsageError(`${given?.source ?? shownName(key, spec)}: ${describeError(error)}`)
    }
  }
  if (spec.kind === 'list') return texts.map(parse)
  const text = texts.at(-1)
  if (text !== undefined) return parse(text)
  if (spec.kind === 'flag') return false
  if (spec.required) {
    const example = spec.positional ? '' : ` ${spec.placeholder ?? '…'}`
    throw new UsageError(`${shownName(key, spec)}${example} is missing (try --help)`)
  }
  return null
}

/** The options of one run. Throws UsageError with one line that names the place of the mistake. */
export const resolveOptions = async <T extends OptionTable>(
  table: T,
  words: readonly string[],
  environment: Environment,
): Promise<Values<T>> => {
  const fromArguments = readArguments(words, table)
  const fromEnvironment = readEnvironment(environment, table)
  const configFile = (fromArguments.get('config') ?? fromEnvironment.get('config'))?.texts[0]
  const fromFile: GivenTexts =
    configFile === undefined ? new Map() : await readConfigFile(configFile, table)
  const values: Record<string, unknown> = {}
  for (const [key, spec] of Object.entries(table)) {
    const given = fromArguments.get(key) ?? fromEnvironment.get(key) ?? fromFile.get(key)
    values[key] = resolveValue(key, spec, given)
  }
  return values as Values<T>
}
