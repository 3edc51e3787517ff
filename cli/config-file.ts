// Reads options from a YAML file: one key for each option, named as on the command line. Unknown
// keys are refused, with the line and the nearest right one.

import { readFile } from 'node:fs/promises'
import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml'
import { describeError, systemCode } from '../core/errors.ts'
import { configFileBytes } from '../core/limits.ts'
import type { GivenText, GivenTexts } from './arguments.ts'
import { suggestion } from './nearest.ts'
import { type OptionSpec, type OptionTable, onlyByPlace, optionName } from './option-spec.ts'
import { UsageError } from './usage-error.ts'

const readText = async (file: string): Promise<string> => {
  try {
    const text = await readFile(file, 'utf8')
    if (text.length > configFileBytes) throw new UsageError(`${file} is too large to be a config`)
    return text
  } catch (error) {
    if (error instanceof UsageError) throw error
    const why = systemCode(error) === 'ENOENT' ? 'there is no such file' : describeError(error)
    throw new UsageError(`--config ${file}: ${why}`)
  }
}

const scalarText = (node: unknown): string | null => {
  if (!isScalar(node)) return null
  const { value, source } = node
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return String(value)
  // A number's own text, so that "0700" or "1e3" are judged as they were written.
  return typeof value === 'number' ? (source ?? String(value)) : null
}

const textsOf = (node: unknown, spec: OptionSpec): string[] | null => {
  if (spec.kind === 'list' && isSeq(node)) {
    const texts = node.items.map(scalarText)
    return texts.every(text => text !== null) ? texts : null
  }
  const text = scalarText(node)
  return text === null ? null : [text]
}

/** The options that `file` sets, by key; null values count as not set. Throws UsageError. */
export const readConfigFile = async (file: string, table: OptionTable): Promise<GivenTexts> => {
  const lineCounter = new LineCounter()
  const document = parseDocument(await readText(file), { lineCounter, prettyErrors: false })
  const placeOf = (node: unknown): string => {
    const offset = (node as Node | null)?.range?.[0]
    return offset === undefined ? file : `${file}:${lineCounter.linePos(offset).line}`
  }
  const [fault] = document.errors
  if (fault) {
    throw new UsageError(`${file}:${lineCounter.linePos(fault.pos[0]).line}: ${fault.message}`)
  }
  const found = new Map<string, GivenText>()
  if (document.contents === null) return found
  if (!isMap(document.contents))
    throw new UsageError(`${file}: not a list of "option: value" lines`)
  const keys = new Map(
    Object.entries(table)
      .filter(([key, spec]) => key !== 'config' && !onlyByPlace(spec))
      .map(([key]) => [optionName(key), key]),
  )
  for (const pair of document.contents.items as Pair[]) {
    const name = scalarText(pair.key) ?? ''
    const key = keys.get(name)
    const spec = key === undefined ? undefined : table[key]
    if (key === undefined || spec === undefined) {
      const hint = suggestion(name, [...keys.keys()], 'see --help for the options')
      throw new UsageError(`${placeOf(pair.key)}: there is no option "${name}"${hint}`)
    }
    if (pair.value === null || (isScalar(pair.value) && pair.value.value === null)) continue
    const texts = textsOf(pair.value, spec)
    const source = `${placeOf(pair.key)}: ${name}`
    if (texts === null) throw new UsageError(`${source}: the value has the wrong form`)
    found.set(key, { texts, source })
  }
  return found
}
