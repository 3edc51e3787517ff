// The texts of --help, made from the commands and their option tables.

import type { Command } from './command.ts'
import { environmentName, type OptionSpec, type OptionTable, optionName } from './option-spec.ts'

const width = 80

/** Fold a text at spaces; lines behind the first are indented. */
export const fold = (text: string, indent: number, columns = width): string => {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns - indent) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`)
}

const entry = (left: string, text: string, indent: number): string => {
  const head = `  ${left}`
  return head.length < indent - 1
    ? `${head.padEnd(indent)}${fold(text, indent)}`
    : `${head}\n${' '.repeat(indent)}${fold(text, indent)}`
}

const optionEntry = (key: string, spec: OptionSpec): string => {
  const placeholder = spec.kind === 'flag' ? '' : ` ${spec.placeholder ?? 'VALUE'}`
  const more = spec.default === undefined ? '' : ` (default: ${spec.default})`
  const short = spec.short === undefined ? '' : `, -${spec.short}`
  const left = spec.positional
    ? (spec.placeholder ?? key)
    : `--${optionName(key)}${short}${placeholder}`
  return entry(left, `${spec.help}${more}`, 27)
}

const optionEntries = (table: OptionTable, positional: boolean): string[] =>
  Object.entries(table)
    .filter(([, spec]) => (spec.positional === true) === positional)
    .map(([key, spec]) => optionEntry(key, spec))

const usageLine = ({ name, options }: Command): string => {
  const places = Object.values(options)
    .filter(spec => spec.positional)
    .map(spec => ` ${spec.placeholder}`)
    .join('')
  return `Usage: mirrorswarm ${name}${places} [options]`
}

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', `${title}:`, ...lines]

const exampleLines = (examples: readonly string[]): string[] =>
  examples.map(example => `  mirrorswarm ${example}`)

/** How else options can be given; nothing for commands without a file of options. */
const elsewhere = ({ options }: Command): string[] => {
  if (!Object.hasOwn(options, 'config')) return []
  const sample = Object.hasOwn(options, 'publicUrl') ? 'publicUrl' : 'data'
  const name = optionName(sample)
  const text =
    `--${name} is also the key "${name}" of the --config file and the environment variable ` +
    `${environmentName(sample)}, and so is every other option. An argument wins over the ` +
    'environment, the environment over the file.'
  return ['', fold(text, 0)]
}

/** Help of one command. */
export const commandHelp = (command: Command): string =>
  [
    usageLine(command),
    '',
    fold(`${command.summary}.`, 0),
    ...section('Arguments', optionEntries(command.options, true)),
    ...section('Options', [
      ...optionEntries(command.options, false),
      entry('--help', 'Show this text', 27),
    ]),
    ...elsewhere(command),
    ...section('Examples', exampleLines(command.examples)),
    '',
  ].join('\n')

const commandLines = (commands: readonly Command[]): string[] =>
  commands.map(({ name, summary }) => entry(name, summary, 22))

/** Help of a group: 'token' for 'token create'. */
export const groupHelp = (group: string, commands: readonly Command[]): string =>
  [
    `Usage: mirrorswarm ${group} COMMAND [options]`,
    ...section('Commands', commandLines(commands)),
    ...section('Examples', exampleLines(commands.flatMap(({ examples }) => examples))),
    '',
  ].join('\n')

/** Help of the whole program. */
export const overallHelp = (commands: readonly Command[]): string =>
  [
    'Usage: mirrorswarm COMMAND [options]',
    '',
    fold(
      'Serves a software repository through volunteers: unmodified clients ask the origin, which ' +
        'redirects them to a volunteer that provably holds the very bytes, or serves them itself.',
      0,
    ),
    ...section('Commands', commandLines(commands)),
    '',
    'mirrorswarm COMMAND --help shows the options of a command.',
    ...section('Examples', [
      '  mirrorswarm origin /srv/repo --public-url http://repo.example.org/',
      '  mirrorswarm token create --data /srv/repo.mirrorswarm',
      '  mirrorswarm volunteer /srv/mirror --origin http://repo.example.org/ --token TOKEN',
    ]),
    '',
  ].join('\n')
