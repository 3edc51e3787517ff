// Real programs of the system: found, run with a deadline, their answer returned. What is missing is
// named with the package that brings it, so that a skipped step says what to install.

import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { waitAtMost } from './deadline.ts'
import { ProcessGroup } from './process-group.ts'

/** Programs that tests, benches and the demo use, with the Debian package of each. */
export const packageOf = {
  'apt-get': 'apt',
  aria2c: 'aria2',
  bash: 'bash',
  busybox: 'busybox',
  createrepo_c: 'createrepo-c',
  curl: 'curl',
  debootstrap: 'debootstrap',
  dnf: 'dnf',
  'dpkg-deb': 'dpkg',
  find: 'findutils',
  fish: 'fish',
  gpg: 'gnupg',
  gzip: 'gzip',
  nginx: 'nginx-light',
  openssl: 'openssl',
  pacman: 'pacman-package-manager',
  prometheus: 'prometheus',
  promtool: 'prometheus',
  'qbittorrent-nox': 'qbittorrent-nox',
  python3: 'python3',
  rpmbuild: 'rpm',
  rsync: 'rsync',
  sha256sum: 'coreutils',
  tar: 'tar',
  taskset: 'util-linux',
  timeout: 'coreutils',
  'transmission-cli': 'transmission-cli',
  unshare: 'util-linux',
  wget: 'wget',
  wget2: 'wget2',
  wrk: 'wrk',
  xorriso: 'xorriso',
  xz: 'xz-utils',
  zsh: 'zsh',
  zsync: 'zsync',
  zsyncmake: 'zsync',
  zypper: 'zypper',
} as const

export type ProgramName = keyof typeof packageOf

/** The file of a program in PATH (or the system's sbin folders, or `more` folders), or null. */
export const findExecutable = (name: string, ...more: readonly string[]): string | null => {
  for (const folder of [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/sbin',
    '/sbin',
    ...more,
  ]) {
    if (folder === '') continue
    const file = join(folder, name)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {
      // Not in this folder; the next one is tried.
    }
  }
  return null
}

export const findProgram = (name: ProgramName): string | null => findExecutable(name)

/** Why a step is skipped, or false when all its programs are there: made for tap's `skip`. */
export const missing = (...names: readonly ProgramName[]): string | false => {
  const absent = names.filter(name => findProgram(name) === null)
  if (absent.length === 0) return false
  const packages = [...new Set(absent.map(name => packageOf[name]))]
  return `${absent.join(', ')} missing: apt-get install ${packages.join(' ')}`
}

/**
 * Why programs cannot be used that refuse to work for anyone but root, or false: who is not root runs
 * them in a user namespace (see asRoot).
 */
export const unusableAsRoot = (...names: readonly ProgramName[]): string | false => {
  const absent = missing(...names)
  if (absent !== false || process.getuid?.() === 0) return absent
  if (findProgram('unshare') === null) return 'needs root or unshare: apt-get install util-linux'
  const { status } = spawnSync('unshare', ['--map-root-user', 'true'], { timeout: 10_000 })
  return status === 0 ? false : 'needs root: user namespaces are not allowed here'
}

/** The program and arguments that run a command as root, of this machine or of a user namespace. */
export const asRoot = (program: string, args: readonly string[]): [string, readonly string[]] =>
  process.getuid?.() === 0 ? [program, args] : ['unshare', ['--map-root-user', program, ...args]]

export interface ProgramResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  readonly durationMs: number
}

export interface RunOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** What `signal` sends to the program; missing: SIGKILL. */
  readonly stopSignal?: NodeJS.Signals
}

/** The environment without proxies and without a language, so that programs go straight to loopback. */
export const plainEnvironment = (
  more: Readonly<Record<string, string>> = {},
): NodeJS.ProcessEnv => {
  const env: NodeJS.ProcessEnv = { ...process.env, ...more, LC_ALL: 'C', LANG: 'C' }
  for (const name of Object.keys(env)) if (/_proxy$/i.test(name)) delete env[name]
  return env
}

/** Run a program to its end; a status other than 0 is an answer, not a throw. */
export const run = async (
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProgramResult> => {
  const started = performance.now()
  const group = new ProcessGroup(program, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: options.env ?? plainEnvironment(),
  })
  const kill = (): void => group.signal('SIGKILL')
  const stop = (): void => group.signal(options.stopSignal ?? 'SIGKILL')
  options.signal?.addEventListener('abort', stop, { once: true })
  try {
    const { status } = await waitAtMost(group.exited, options.timeoutMs ?? 120_000, program)
    const { stdout, stderr } = group
    return { status, stdout, stderr, durationMs: performance.now() - started }
  } finally {
    options.signal?.removeEventListener('abort', stop)
    kill()
  }
}

/** Run a program that must succeed; throws with its output otherwise. */
export const runOrThrow = async (
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProgramResult> => {
  const result = await run(program, args, options)
  if (result.status !== 0) {
    const output = `${result.stdout}${result.stderr}`.trim()
    throw new Error(`${program} ${args.join(' ')} ended with ${result.status}: ${output}`)
  }
  return result
}
