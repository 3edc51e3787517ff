import { join } from 'node:path'
import t from 'tap'
import type { OptionTable } from './option-spec.ts'
import { resolveOptions } from './resolve-options.ts'
import { UsageError } from './usage-error.ts'

const table = {
  folder: { kind: 'path', positional: true, required: true, placeholder: 'DIR', help: '' },
  listen: { kind: 'hostport', placeholder: 'HOST:PORT', default: '0.0.0.0:8080', help: '' },
  publicUrl: { kind: 'url', placeholder: 'URL', help: '' },
  uploadLimit: { kind: 'rate', placeholder: 'RATE', help: '' },
  quota: { kind: 'size', placeholder: 'SIZE', help: '' },
  grace: { kind: 'duration', default: '1h', help: '' },
  maxClients: { kind: 'count', help: '' },
  include: { kind: 'list', placeholder: 'GLOB', help: '' },
  json: { kind: 'flag', help: '' },
  level: { kind: 'string', choices: ['low', 'high'], default: 'low', help: '' },
  config: { kind: 'path', placeholder: 'FILE', help: '' },
} as const satisfies OptionTable

const refusal = async (words: string[], environment = {}): Promise<string> => {
  try {
    await resolveOptions(table, words, environment)
    return 'accepted'
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    return error.message
  }
}

t.test('arguments become typed values, and what is missing its default or null', async t => {
  t.same(
    await resolveOptions(
      table,
      ['--public-url', 'https://Example.org/x/', '/srv/', '--quota=10GB', '--json'],
      {},
    ),
    {
      folder: '/srv',
      listen: { host: '0.0.0.0', port: 8080 },
      publicUrl: 'https://example.org/x',
      uploadLimit: null,
      quota: 10e9,
      grace: 3_600_000,
      maxClients: null,
      include: [],
      json: true,
      level: 'low',
      config: null,
    },
  )
})

t.test('lists collect, the last of a repeated option counts, "--" ends the options', async t => {
  const values = await resolveOptions(
    table,
    [
      ...['--include', '*.iso', '--quota', '1MB', '--include=pool/**', '--quota', '2MB'],
      ...['--json', '--no-json', '--listen', '[::1]:0', '--', '--odd'],
    ],
    {},
  )
  t.same(values.include, ['*.iso', 'pool/**'])
  t.equal(values.quota, 2e6)
  t.equal(values.json, false)
  t.same(values.listen, { host: '::1', port: 0 })
  t.match(values.folder, /\/--odd$/)
})

t.test('argument before environment before file before default', async t => {
  const file = join(
    t.testdir({
      'c.yaml':
        'folder: /from-file\nquota: 1MB\nmax-clients: 1\ngrace: 1m\ninclude: [a, "b c"]\njson: yes\n',
    }),
    'c.yaml',
  )
  const environment = {
    MIRRORSWARM_QUOTA: '2MB',
    MIRRORSWARM_MAX_CLIENTS: '2',
    MIRRORSWARM_INCLUDE: ' x  y ',
    MIRRORSWARM_LEVEL: '',
    MIRRORSWARM_CONFIG: file,
  }
  const values = await resolveOptions(table, ['--max-clients', '3'], environment)
  t.equal(values.maxClients, 3, 'argument')
  t.equal(values.quota, 2e6, 'environment')
  t.same(values.include, ['x', 'y'], 'a list is replaced, not joined')
  t.equal(values.grace, 60_000, 'file')
  t.equal(values.folder, '/from-file', 'a folder may be configured')
  t.equal(values.json, true)
  t.equal(values.level, 'low', 'default, since an empty variable is none')
  const listed = await resolveOptions(table, ['--config', file], {})
  t.same(listed.include, ['a', 'b c'])
})

t.test('mistakes in arguments are named, with the nearest right one', async t => {
  for (const [words, message] of [
    [['/d', '--lisen', 'x'], /no option --lisen \(did you mean --listen\?\)/],
    [['/d', '--xyzzy'], /no option --xyzzy \(try --help\)/],
    [['/d', '-x'], /no option -x/],
    [['/d', '--folder', '/e'], /no option --folder/],
    [['/d', '--listen'], /--listen needs a value \(--listen HOST:PORT\)/],
    [['/d', '--listen', '--json'], /--listen needs a value/],
    [['/d', '/e'], /"\/e" is one argument too many/],
    [[], /^DIR is missing/],
    [['/d', '--listen', '8080'], /^--listen: "8080" is not HOST:PORT/],
    [['/d', '--listen', 'x:70000'], /^--listen: /],
    [['/d', '--public-url', 'ftp://x/'], /^--public-url: "ftp:/],
    [['/d', '--public-url', 'example.org'], /^--public-url: /],
    [['/d', '--public-url', 'http://x/?a'], /must not have/],
    [['/d', '--upload-limit', 'fast'], /^--upload-limit: "fast" is not a rate/],
    [['/d', '--max-clients', '0'], /^--max-clients: "0" is not a whole number from 1/],
    [['/d', '--max-clients', '-1'], /^--max-clients: "-1"/],
    [['/d', '--grace', '5'], /^--grace: "5" is not a duration/],
    [['/d', '--level', 'mid'], /"mid" is not one of low, high/],
    [['/d', '--json=perhaps'], /neither true nor false/],
    [['/d', '--no-json=x'], /takes no value/],
    [['/d', '--public-url='], /^--public-url: /],
  ] as const) {
    t.match(await refusal([...words]), message, words.join(' '))
  }
})

t.test('mistakes elsewhere name the variable, or the file and line', async t => {
  t.match(await refusal(['/d'], { MIRRORSWARM_QUOTA: 'big' }), /^MIRRORSWARM_QUOTA: "big"/)
  const folder = t.testdir({
    'unknown.yaml': 'quota: 1MB\nlisen: 1.2.3.4:5\n',
    'value.yaml': '\nquota: big\n',
    'form.yaml': 'quota: [1MB]\n',
    'nested.yaml': 'include:\n  a: b\n',
    'broken.yaml': 'quota: [1MB\n',
    'twice.yaml': 'quota: 1MB\nquota: 2MB\n',
    'list.yaml': '- quota\n',
    'self.yaml': 'config: other.yaml\n',
    'empty.yaml': '# nothing yet\n',
    'null.yaml': 'quota:\nmax-clients: ~\n',
  })
  const withFile = (name: string): Promise<string> =>
    refusal(['/d', '--config', join(folder, name)])
  t.match(await withFile('unknown.yaml'), /unknown\.yaml:2: .*"lisen" \(did you mean listen\?\)/)
  t.match(await withFile('value.yaml'), /value\.yaml:2: quota: "big" is not a size/)
  t.match(await withFile('form.yaml'), /form\.yaml:1: quota: .*form/)
  t.match(await withFile('nested.yaml'), /include: .*form/)
  t.match(await withFile('broken.yaml'), /broken\.yaml:\d+: /)
  t.match(await withFile('twice.yaml'), /twice\.yaml:2: /)
  t.match(await withFile('list.yaml'), /not a list of/)
  t.match(await withFile('self.yaml'), /no option "config"/)
  t.match(await withFile('missing.yaml'), /there is no such file/)
  t.equal(await withFile('empty.yaml'), 'accepted')
  t.equal(await withFile('null.yaml'), 'accepted')
})

t.test('what a command is about comes from its place alone', async t => {
  const about = {
    name: { kind: 'string', positional: true, required: true, placeholder: 'NAME', help: '' },
    config: { kind: 'path', help: '' },
  } as const satisfies OptionTable
  await t.rejects(resolveOptions(about, [], { MIRRORSWARM_NAME: 'other' }), {
    message: /^NAME is missing/,
  })
})
