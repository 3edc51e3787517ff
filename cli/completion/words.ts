// What a shell can offer at each place of a command line, read off the commands' option tables. Knows
// no shell.

import type { Command } from '../command.ts'
import { type OptionSpec, optionName } from '../option-spec.ts'

export interface OfferedOption {
  /** '--log-level' */
  readonly name: string
  /** 'o' for -o. */
  readonly short: string | null
  readonly help: string
  /** none: a flag · files: a path · choices: one of them · any: what nobody can guess. */
  readonly value: 'none' | 'files' | 'choices' | 'any'
  readonly choices: readonly string[]
}

export interface OfferedCommand {
  /** One word or two. */
  readonly name: string
  readonly summary: string
  readonly options: readonly OfferedOption[]
  /** Values of the places without names; a folder, for daemons. */
  readonly places: 'files' | readonly string[]
}

const valueKind = ({ kind, choices }: OptionSpec): OfferedOption['value'] => {
  if (kind === 'flag') return 'none'
  if (kind === 'path') return 'files'
  return choices === undefined ? 'any' : 'choices'
}

const offeredOption = (key: string, spec: OptionSpec): OfferedOption => ({
  name: `--${optionName(key)}`,
  short: spec.short ?? null,
  help: spec.help,
  value: valueKind(spec),
  choices: spec.choices ?? [],
})

const help: OfferedOption = {
  ...{ name: '--help', short: 'h', help: 'Show the help', value: 'none', choices: [] },
}

/** What may be offered for each command. */
export const offeredCommands = (commands: readonly Command[]): readonly OfferedCommand[] =>
  commands.map(({ name, summary, options }) => {
    const entries = Object.entries(options)
    const places = entries.filter(([, spec]) => spec.positional).map(([, spec]) => spec)
    const named = entries.filter(([, spec]) => !spec.positional)
    return {
      name,
      summary,
      options: [...named.map(([key, spec]) => offeredOption(key, spec)), help],
      places: places.some(({ kind }) => kind === 'path')
        ? 'files'
        : places.flatMap(({ choices = [] }) => choices),
    }
  })

/** 'volunteers' → its second words, for each first word that has any. */
export const groupsOf = (commands: readonly OfferedCommand[]): ReadonlyMap<string, string[]> => {
  const groups = new Map<string, string[]>()
  for (const { name } of commands) {
    const [first = '', second] = name.split(' ')
    if (second !== undefined) groups.set(first, [...(groups.get(first) ?? []), second])
  }
  return groups
}

/** Every first word, once. */
export const firstWords = (commands: readonly OfferedCommand[]): readonly string[] => [
  ...new Set(commands.map(({ name }) => name.split(' ')[0] ?? name)),
]
