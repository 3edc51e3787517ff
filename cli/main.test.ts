import t from 'tap'
import { commands } from './commands.ts'
import type { Io } from './io.ts'
import { main } from './main.ts'
import { environmentName, optionName } from './option-spec.ts'

interface Outcome {
  readonly status: number
  readonly printed: string
  readonly noted: string
}

const run = async (words: string[], environment = {}): Promise<Outcome> => {
  const printed: string[] = []
  const noted: string[] = []
  const io: Io = {
    print: text => printed.push(text),
    note: text => noted.push(text),
    draw: () => undefined,
    interactive: false,
    columns: 80,
    stopped: new AbortController().signal,
    onHangup: () => undefined,
  }
  const status = await main(words, environment, io)
  return { status, printed: printed.join('\n'), noted: noted.join('\n') }
}

t.test('help is printed where it is asked for, and noted where a command is missing', async t => {
  for (const words of [['--help'], ['-h'], ['help']]) {
    const { status, printed } = await run(words)
    t.equal(status, 0)
    t.match(printed, /Usage: mirrorswarm COMMAND/)
    for (const { name } of commands) t.match(printed, new RegExp(`^  ${name}\\b`, 'm'), name)
  }
  const { status, printed, noted } = await run([])
  t.equal(status, 2)
  t.equal(printed, '')
  t.match(noted, /Usage:/)
})

t.test('each command has help with every option and an example', async t => {
  for (const { name, options, examples } of commands) {
    const { status, printed } = await run([...name.split(' '), '--help'])
    t.equal(status, 0, name)
    t.ok(examples.length > 0, `${name} has examples`)
    for (const example of examples) t.match(printed, `  mirrorswarm ${example}\n`)
    for (const [key, spec] of Object.entries(options)) {
      t.match(printed, spec.positional ? `  ${spec.placeholder}` : `  --${optionName(key)}`, key)
      t.match(key, /^[a-z][A-Za-z]*$/)
      t.match(environmentName(key), /^MIRRORSWARM_[A-Z_]+$/)
    }
    const [usage = ''] = printed.split('\nExamples:')
    t.same(
      usage.split('\n').filter(line => line.length > 80),
      [],
      `${name}: 80 columns`,
    )
  }
})

t.test('every example is accepted by its own option table', async t => {
  for (const { name, examples } of commands) {
    for (const example of examples.filter(text => !text.includes('--config'))) {
      t.equal(example.slice(0, name.length), name)
      const { resolveOptions } = await import('./resolve-options.ts')
      const command = commands.find(each => each.name === name)
      const [line = ''] = example.slice(name.length).split(' > ')
      const words = line.split(' ').filter(Boolean)
      await resolveOptions(command?.options ?? {}, words, {})
      t.pass(example)
    }
  }
})

t.test('wrong usage is one line with the nearest right word, and status 2', async t => {
  for (const [words, message] of [
    [['publihs'], /^mirrorswarm: there is no command "publihs" \(did you mean publish\?\)$/],
    [['frobnicate'], /^mirrorswarm: .* \(try mirrorswarm --help\)$/],
    [['volunteers', 'lst'], /\(did you mean list\?\)$/],
    [['token', 'x'], /\(try mirrorswarm token --help\)$/],
    [['-x'], /^mirrorswarm: a command comes first/],
    [['origin'], /^mirrorswarm: REPOSITORY_DIR is missing/],
    [['origin', '/x', '--lisen', 'a'], /did you mean --listen\?/],
    [['origin', '/', '--listen', '127.0.0.1:0'], /nothing lies beside/],
    [['origin', '/x', '--tls-cert', 'a'], /^mirrorswarm: --tls-key FILE is missing/],
    [['volunteer', '/x'], /^mirrorswarm: --origin URL is missing/],
    [['volunteer', '/x', '--origin', 'http://x/', '--hours', '20-7'], /^mirrorswarm: --hours: /],
    [['volunteer', '/x', '--origin', 'http://x/', '--peer-port', '70000'], /no port 70000/],
    [['publish'], /^mirrorswarm: --data DIR is missing/],
    [['publish', '--data', '/x', '--origin', 'http://x/'], /exclude each other/],
    [['explain', 'a', '--data', '/x', '--from', 'here'], /^mirrorswarm: --from: /],
    [['volunteers', 'show', '--data', '/x'], /^mirrorswarm: NAME is missing/],
  ] as const) {
    const { status, printed, noted } = await run([...words])
    t.equal(status, 2, words.join(' '))
    t.equal(printed, '')
    t.match(noted, message)
    t.notMatch(noted, /\n/)
  }
})

t.test('other failures are one line with a hint, and status 1', async t => {
  const folder = t.testdir()
  for (const [words, message] of [
    [['token', 'create', '--data', folder], /is not an origin's data folder \(.+\)$/],
    [['publish', '--origin', 'http://127.0.0.1:9/'], /127\.0\.0\.1:9 does not answer.* \(.+\)$/],
    [['origin', `${folder}/missing`], /there is no folder .*missing.* \(.+\)$/],
  ] as const) {
    const { status, noted } = await run([...words])
    t.equal(status, 1, words.join(' '))
    t.match(noted, message)
    t.notMatch(noted, /\n/)
  }
})

t.test('the version names the Node that runs it', async t => {
  const { status, printed } = await run(['--version'])
  t.equal(status, 0)
  t.match(printed, /^mirrorswarm \d+\.\d+\.\d+ \(Node 2\d\./)
})
