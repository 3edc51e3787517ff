// Rows of the matrix: programs that download one file by its URL.

import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandFile } from '../../loadtest/daemon.ts'
import { missing, type ProgramName, plainEnvironment, run } from '../../loadtest/programs.ts'
import { type Client, patienceSeconds, type Row, type Scene } from './row.ts'

const path = 'file.bin'
const seconds = String(patienceSeconds)

/** A program with its arguments, for a URL that goes to `path` in the current folder. */
type Command = (url: string) => readonly [program: ProgramName, ...args: string[]]

const clientOf =
  (command: Command) =>
  ({ url, folder }: Scene): Client => {
    writeFileSync(join(folder, 'urllib.py'), python)
    return {
      path,
      run: options => {
        const [program, ...args] = command(`${url}/${path}`)
        return run(program, args, { ...options, cwd: folder, env: plainEnvironment() })
      },
      file: () => (existsSync(join(folder, path)) ? join(folder, path) : null),
    }
  }

// As people write it, but for the timeout, without which it would wait for ever.
const python = [
  'import socket, sys, urllib.request',
  `socket.setdefaulttimeout(${seconds})`,
  'urllib.request.urlretrieve(sys.argv[1], sys.argv[2])',
  '',
].join('\n')

const curl = [
  ...['-q', '--silent', '--show-error', '--fail', '--location', '--remote-name'],
  ...['--continue-at', '-', '--connect-timeout', seconds],
  ...['--speed-limit', '1', '--speed-time', seconds],
]

const aria2c = [
  ...['--no-conf', '--continue', '--summary-interval=0', '--file-allocation=none'],
  ...[`--connect-timeout=${seconds}`, `--timeout=${seconds}`, '--max-tries=3', '--retry-wait=1'],
  ...['--enable-dht=false', '--enable-dht6=false'],
]

const row = (
  name: string,
  command: Command,
  more: Partial<Pick<Row, 'verifies'>> & {
    readonly programs?: readonly ProgramName[]
  } = {},
): Row => {
  const [program] = command('')
  return {
    name,
    verifies: more.verifies ?? false,
    skip: () => missing(program, ...(more.programs ?? [])),
    make: clientOf(command),
  }
}

const wgetArgs = ['--continue', '--tries=2', '--waitretry=1', `--timeout=${seconds}`]

/** Our own, which takes parts of a file from several volunteers at once. */
const ownFetch: Row = {
  name: '`mirrorswarm fetch`',
  verifies: true,
  skip: () => false,
  make: ({ url, folder }) => {
    const own = (name: string): string => join(folder, name)
    const places = ['--known-origins', own('known'), '--netrc-file', own('netrc')]
    const words = ['fetch', `${url}/${path}`, '-o', own(path), ...places]
    return {
      path,
      run: options =>
        run(process.execPath, [commandFile, ...words], {
          ...options,
          cwd: folder,
          env: plainEnvironment(),
        }),
      file: () => (existsSync(own(path)) ? own(path) : null),
    }
  },
}

export const downloaders: readonly Row[] = [
  row('wget', url => ['wget', '--no-config', '--no-verbose', ...wgetArgs, '-O', path, url]),
  row('wget2', url => [
    'wget2',
    '--no-config',
    '--no-verbose',
    '--progress=none',
    ...wgetArgs,
    url,
  ]),
  row('curl', url => ['curl', ...curl, url]),
  row('curl, `--retry`', url => [
    'curl',
    ...['--retry', '3', '--retry-all-errors', '--retry-delay', '1', ...curl, url],
  ]),
  row('aria2', url => ['aria2c', ...aria2c, '--out', path, url], { verifies: true }),
  row(
    'aria2, Metalink',
    url => ['aria2c', ...aria2c, '--follow-metalink=mem', '--seed-time=0', `${url}.meta4`],
    {
      verifies: true,
    },
  ),
  row('Python urllib', url => ['python3', 'urllib.py', url, path]),
  row(
    'busybox wget',
    url => ['timeout', String(2 * patienceSeconds), 'busybox', 'wget', '-c', '-O', path, url],
    { programs: ['busybox'] },
  ),
  ownFetch,
]
