// The scripts that teach bash, zsh and fish to complete command lines. What they offer comes from
// words.ts; here is only how each shell is told.

import { firstWords, groupsOf, type OfferedCommand, type OfferedOption } from './words.ts'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

const patternsOf = (command: string, { name, short }: OfferedOption): string =>
  [name, ...(short === null ? [] : [`-${short}`])]
    .map(each => quoted(`${command} ${each}`))
    .join('|')

interface Dialect {
  /** Offer these words. */
  offer(words: readonly string[]): string
  readonly files: string
  readonly nothing: string
}

/** The cases of `"$command $before"`: the values of options that take one. */
const valueCases = (commands: readonly OfferedCommand[], dialect: Dialect): string[] =>
  commands.flatMap(({ name, options }) =>
    options
      .filter(({ value }) => value !== 'none')
      .map(option => {
        const known = option.value === 'choices' ? dialect.offer(option.choices) : dialect.nothing
        const action = option.value === 'files' ? dialect.files : known
        return `    ${patternsOf(name, option)}) ${action}; return ;;`
      }),
  )

/** The cases of `"$command"`: second words, then options and places. */
const commandCases = (commands: readonly OfferedCommand[], dialect: Dialect): string[] => [
  `    '') ${dialect.offer([...firstWords(commands), '--help', '--version'])} ;;`,
  ...[...groupsOf(commands)].map(
    ([group, members]) => `    ${quoted(group)}) ${dialect.offer([...members, '--help'])} ;;`,
  ),
  ...commands.map(({ name, options, places }) => {
    const offered = dialect.offer(options.map(option => option.name))
    const placed = places === 'files' ? dialect.files : dialect.offer(places)
    return `    ${quoted(name)}) if [[ $current == -* ]]; then ${offered}; else ${placed}; fi ;;`
  }),
]

const groupPattern = (commands: readonly OfferedCommand[]): string =>
  [...groupsOf(commands).keys()].map(quoted).join('|')

const bash: Dialect = {
  offer: words => `COMPREPLY=($(compgen -W ${quoted(words.join(' '))} -- "$current"))`,
  files: 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$current"))',
  nothing: 'COMPREPLY=()',
}

const bashScript = (commands: readonly OfferedCommand[]): string =>
  [
    '# bash completion of mirrorswarm, made by "mirrorswarm completion bash".',
    '_mirrorswarm() {',
    `  local IFS=$' \\t\\n' current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}`,
    '  local command=',
    `  ((COMP_CWORD > 1)) && command=\${COMP_WORDS[1]}`,
    '  case $command in',
    `    ${groupPattern(commands)}) ((COMP_CWORD > 2)) && command="$command \${COMP_WORDS[2]}" ;;`,
    '  esac',
    '  case "$command $before" in',
    ...valueCases(commands, bash),
    '  esac',
    '  case $command in',
    ...commandCases(commands, bash),
    '  esac',
    '}',
    'complete -F _mirrorswarm mirrorswarm',
    '',
  ].join('\n')

const zsh: Dialect = {
  offer: words => (words.length === 0 ? ':' : `compadd -- ${words.map(quoted).join(' ')}`),
  files: '_files',
  nothing: ':',
}

const zshScript = (commands: readonly OfferedCommand[]): string =>
  [
    '#compdef mirrorswarm',
    '# zsh completion of mirrorswarm, made by "mirrorswarm completion zsh".',
    '_mirrorswarm() {',
    '  local current=$words[CURRENT] before=$words[CURRENT-1] command=',
    '  (( CURRENT > 2 )) && command=$words[2]',
    '  case $command in',
    `    ${groupPattern(commands)}) (( CURRENT > 3 )) && command="$command $words[3]" ;;`,
    '  esac',
    '  case "$command $before" in',
    ...valueCases(commands, zsh),
    '  esac',
    '  case $command in',
    ...commandCases(commands, zsh),
    '  esac',
    '}',
    'if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _mirrorswarm "$@"; else compdef _mirrorswarm mirrorswarm; fi',
    '',
  ].join('\n')

const fishQuoted = (text: string): string =>
  `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/** fish takes no line that both refuses and offers files. */
const fishLine = (files: boolean, condition: string): string =>
  `complete -c mirrorswarm ${files ? '-F' : '-f'} -n ${condition}`

const fishOption = (seen: string, option: OfferedOption): string => {
  const { name, short, help, value, choices } = option
  const values = {
    none: '',
    any: ' -x',
    files: ' -r',
    choices: ` -x -a ${fishQuoted(choices.join(' '))}`,
  }[value]
  const letter = short === null ? '' : ` -s ${short}`
  return `${fishLine(value === 'files', seen)} -l ${name.slice(2)}${letter}${values} -d ${fishQuoted(help)}`
}

const fishCommand = ({ name, summary, options, places }: OfferedCommand): string[] => {
  const [first = '', second] = name.split(' ')
  const group = `__fish_seen_subcommand_from ${first}`
  const seen = second === undefined ? group : `${group}; and __fish_seen_subcommand_from ${second}`
  const offer =
    second === undefined
      ? `${fishLine(false, '__fish_use_subcommand')} -a ${first} -d ${fishQuoted(summary)}`
      : `${fishLine(false, fishQuoted(group))} -a ${second} -d ${fishQuoted(summary)}`
  const placed = places === 'files' ? fishLine(true, fishQuoted(seen)) : null
  const chosen =
    places !== 'files' && places.length > 0
      ? `${fishLine(false, fishQuoted(seen))} -a ${fishQuoted(places.join(' '))}`
      : null
  return [
    offer,
    ...[placed, chosen].filter(line => line !== null),
    ...options.map(option => fishOption(fishQuoted(seen), option)),
  ]
}

const fishScript = (commands: readonly OfferedCommand[]): string =>
  [
    '# fish completion of mirrorswarm, made by "mirrorswarm completion fish".',
    ...[...groupsOf(commands).keys()].map(
      group => `${fishLine(false, '__fish_use_subcommand')} -a ${group}`,
    ),
    ...commands.flatMap(fishCommand),
    '',
  ].join('\n')

const makers: Readonly<Record<Shell, (commands: readonly OfferedCommand[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
}

/** The script for a shell to source. */
export const completionScript = (shell: Shell, commands: readonly OfferedCommand[]): string =>
  makers[shell](commands)
