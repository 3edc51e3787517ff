// Runs the real rsync as a child program: arguments as a list, never through a shell, ended with the
// daemon that started it. Knows nothing of repositories.

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { isMirrorswarmError, MirrorswarmError, systemCode } from './errors.ts'
import {
  keptErrorBytes,
  rsyncConnectSeconds,
  rsyncKillMs,
  rsyncSilenceSeconds,
} from './program-limits.ts'

const user = '(?:[A-Za-z0-9._~%+][A-Za-z0-9._~%+-]*@)?'
const host = '(?:\\[[0-9A-Fa-f:.%]+\\]|[A-Za-z0-9_][A-Za-z0-9._-]*)'
const modulePath = '[^-/\\s\\p{Cc}][^\\p{Cc}]*'
const sourceForms = [
  new RegExp(`^rsync://${user}${host}(?::\\d{1,5})?/${modulePath}$`, 'u'),
  new RegExp(`^${user}${host}::${modulePath}$`, 'u'),
]

/**
 * What an rsync daemon offers: `rsync://host/module/path` or `host::module/path`, without a slash at
 * the end. No other form is taken: one could start a remote shell or be an option. Throws
 * MS_CONFIG_INVALID.
 */
export const checkRsyncSource = (text: string): string => {
  if (sourceForms.some(form => form.test(text))) return text.replace(/\/+$/, '')
  throw new MirrorswarmError(
    'MS_CONFIG_INVALID',
    `"${text}" is neither rsync://HOST/MODULE nor HOST::MODULE`,
  )
}

/** What every run has: only daemons are spoken to, and none may keep us waiting for ever. */
const commonArguments = [
  ...['--recursive', '--links', '--safe-links', '--times', '--no-motd', '--no-human-readable'],
  ...[`--timeout=${rsyncSilenceSeconds}`, `--contimeout=${rsyncConnectSeconds}`],
]

export interface RsyncRun {
  readonly options: readonly string[]
  /** See checkRsyncSource. What lies in it is copied, not the folder itself. */
  readonly source: string
  readonly target: string
  readonly onLine?: (line: string) => void
  readonly signal: AbortSignal
}

/** A file of the source vanished while it was read: the next run sees what came instead. */
const vanished = 24
const tooManyDeletions = 25

/** The whole group: rsync works in two or three processes. */
const kill = (child: ChildProcess, how: NodeJS.Signals): void => {
  if (child.pid === undefined || child.exitCode !== null) return
  try {
    process.kill(-child.pid, how)
  } catch (error) {
    // It ended at this moment.
    if (systemCode(error) !== 'ESRCH') throw error
  }
}

const failureOf = (status: number | null, words: string): MirrorswarmError => {
  const reason = words.trim().split('\n').slice(-3).join('; ') || 'it gave no reason'
  const message = `rsync ended with status ${status}: ${reason}`
  if (/No space left|Disk quota exceeded/.test(words)) {
    return new MirrorswarmError('MS_DISK_FULL', message)
  }
  const code = status === tooManyDeletions ? 'MS_PUBLISH_SHRINKS' : 'MS_REMOTE_UNREACHABLE'
  const error = new MirrorswarmError(code, message)
  // Also said where a folder cannot give way to a file, which has another status.
  const [, skipped] = /\((\d+) skipped\)/.exec(words) ?? []
  return skipped === undefined ? error : Object.assign(error, { skipped: Number(skipped) })
}

/** How many files --max-delete left that the source has not; null if the error says nothing of it. */
export const skippedDeletions = (error: unknown): number | null => {
  const { skipped } = (error ?? {}) as { skipped?: unknown }
  return isMirrorswarmError(error) && typeof skipped === 'number' ? skipped : null
}

const startError = (error: unknown): MirrorswarmError =>
  new MirrorswarmError(
    'MS_CONFIG_INVALID',
    systemCode(error) === 'ENOENT' ? 'rsync is not installed' : 'rsync cannot be started',
    { cause: error },
  )

/**
 * Run rsync to its end. Rejects with the signal's reason once the child, which is ended, is gone.
 * Throws MS_REMOTE_UNREACHABLE, MS_DISK_FULL, MS_PUBLISH_SHRINKS (--max-delete was reached),
 * MS_CONFIG_INVALID (there is no rsync).
 */
export const runRsync = async (run: RsyncRun): Promise<void> => {
  const { options, source, target, onLine, signal } = run
  signal.throwIfAborted()
  const child = spawn(
    'rsync',
    [
      ...commonArguments,
      ...options,
      '--',
      `${source}/`,
      target.endsWith('/') ? target : `${target}/`,
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C', LANG: 'C' },
      detached: true,
    },
  )
  let words = ''
  child.stderr.on('data', (part: Buffer) => {
    words = `${words}${part.toString('latin1')}`.slice(-keptErrorBytes)
  })
  const lines = createInterface({ input: child.stdout })
  lines.on('line', line => onLine?.(line))
  let late: NodeJS.Timeout | undefined
  const stop = (): void => {
    kill(child, 'SIGTERM')
    late = setTimeout(() => kill(child, 'SIGKILL'), rsyncKillMs)
  }
  signal.addEventListener('abort', stop, { once: true })
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', error => reject(startError(error)))
      child.once('close', resolve)
    })
    signal.throwIfAborted()
    if (status !== 0 && status !== vanished) throw failureOf(status, words)
  } finally {
    clearTimeout(late)
    signal.removeEventListener('abort', stop)
    lines.close()
  }
}
