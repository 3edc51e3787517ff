import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { missing } from '../../loadtest/programs.ts'
import { commands } from '../commands.ts'
import { optionName } from '../option-spec.ts'
import { completionScript, type Shell, shells } from './scripts.ts'
import { offeredCommands } from './words.ts'

const script = (shell: Shell): string => completionScript(shell, offeredCommands(commands))

/** What a real bash offers for each line; the last word is the one to complete. */
const askBash = (folder: string, lines: readonly (readonly string[])[]): string[][] => {
  const file = join(folder, 'completion.bash')
  const questions = lines.map(words => {
    const quoted = ['mirrorswarm', ...words].map(word => `'${word}'`).join(' ')
    return (
      `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; COMPREPLY=(); ` +
      `_mirrorswarm 2>/dev/null; echo "\${COMPREPLY[*]}"`
    )
  })
  writeFileSync(file, [script('bash'), ...questions, ''].join('\n'))
  const answer = execFileSync('bash', ['--norc', file], { cwd: folder, encoding: 'utf8' })
  return answer
    .split('\n')
    .slice(0, lines.length)
    .map(line => line.split(' ').filter(Boolean))
}

t.test(
  'a real bash offers commands, options and their values',
  { skip: missing('bash') },
  async t => {
    const folder = t.testdir({ 'some.yaml': '', other: {} })
    const [first, vo, group, list, long, level, files, place, none, trust] = askBash(folder, [
      [''],
      ['vo'],
      ['volunteers', ''],
      ['volunteers', 'li'],
      ['origin', '--log'],
      ['origin', '--log-level', ''],
      ['origin', '--config', 'so'],
      ['volunteer', 'ot'],
      ['origin', '--listen', ''],
      ['volunteers', 'trust', 'physics', 'fu'],
    ])
    for (const { name } of commands) t.ok(first?.includes(name.split(' ')[0] ?? ''), name)
    t.same(vo, ['volunteer', 'volunteers'])
    t.ok(group?.includes('show') && group.includes('drain'))
    t.same(list, ['list'])
    t.same(long?.toSorted(), ['--log-addresses', '--log-level'])
    t.same(level, ['debug', 'info', 'warn', 'error', 'silent'])
    t.same(files, ['some.yaml'])
    t.same(place, ['other'])
    t.same(none, [])
    t.same(trust, ['full'])
  },
)

t.test('bash offers every option of every command', { skip: missing('bash') }, async t => {
  const answers = askBash(
    t.testdir(),
    commands.map(({ name }) => [...name.split(' '), '--']),
  )
  for (const [index, { name, options }] of commands.entries()) {
    const expected = Object.entries(options)
      .filter(([, spec]) => !spec.positional)
      .map(([key]) => `--${optionName(key)}`)
    t.same(answers[index], [...expected, '--help'], name)
  }
})

t.test(
  'a real fish offers commands, options and their values',
  { skip: missing('fish') },
  async t => {
    const folder = t.testdir({ 'some.yaml': '', other: {}, 'c.fish': script('fish') })
    const lines = [
      ...['vo', 'volunteers li', 'origin --log', 'origin --log-level ', 'origin --config so'],
      ...['volunteer ot', 'origin --listen ', 'volunteers trust physics fu'],
    ]
    const questions = lines.map(
      line => `echo "== "; complete -C ${JSON.stringify(`mirrorswarm ${line}`)}`,
    )
    const asked = spawnSync(
      'fish',
      ['--no-config', '-c', ['source c.fish', ...questions].join('; ')],
      {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, HOME: folder },
      },
    )
    t.equal(asked.stderr, '', 'every line is taken')
    const offered = asked.stdout
      .split('== ')
      .slice(1)
      .map(part => part.split('\n').flatMap(line => line.split('\t')[0] || []))
    t.same(offered, [
      ['volunteer', 'volunteers'],
      ['list'],
      ['--log-addresses', '--log-level'],
      ['debug', 'error', 'info', 'silent', 'warn'],
      ['some.yaml'],
      ['other/'],
      [],
      ['full'],
    ])
  },
)

for (const shell of shells) {
  t.test(`${shell} takes the script as it is`, { skip: missing(shell) }, async t => {
    const file = join(t.testdir(), 'script')
    writeFileSync(file, script(shell))
    const { status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' })
    t.equal(status, 0, stderr)
    t.equal(stderr, '')
  })
}
