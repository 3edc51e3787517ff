// Runs the real rsync as a child program: arguments as a list, never through a shell, ended with the
// daemon that started it, however that ends. Knows nothing of repositories.

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
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
  /** rsync waits for it; what it throws ends rsync and is thrown. */
  readonly onLine?: (line: string) => void | Promise<void>
  readonly signal: AbortSignal
}

/** A file of the source vanished while it was read: the next run sees what came instead. */
const vanished = 24
const tooManyDeletions = 25

/**
 * The whole group: rsync works in two or three processes, of which the first may be gone already. Its
 * number is not given to others while one of them lives, nor asked for after the last has gone.
 */
const kill = (child: ChildProcess, how: NodeJS.Signals): void => {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, how)
  } catch (error) {
    // It ended at this moment.
    if (systemCode(error) !== 'ESRCH') throw error
  }
}

/**
 * Its standard input brings the number of the group to end, and ends with the process that holds the
 * other end, whatever ended that.
 */
const guardScript = `read -r group || exit 0
read -r _
kill -s TERM -- "-$group" || exit 0
for _ in 1 2 3 4 5; do sleep 1; kill -s 0 -- "-$group" || exit 0; done
kill -s KILL -- "-$group"`

interface Guard {
  /** From now on it guards the group of this child. */
  watch(child: ChildProcess): void
  dismiss(): void
}

/**
 * A child that ends rsync's group when this process is gone, which rsync itself does not notice:
 * otherwise it would write beside the one that the next daemon starts. It is there before rsync is.
 */
const postGuard = (): Guard => {
  const guard = spawn('sh', ['-c', guardScript], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  // Without a guard rsync works as well.
  guard.on('error', () => undefined)
  guard.stdin.on('error', () => undefined)
  return {
    watch: ({ pid }) => {
      if (pid !== undefined) guard.stdin.write(`${pid}\n`)
    },
    dismiss: () => {
      guard.kill('SIGKILL')
    },
  }
}

/** All lines, one after the other; drops what comes once it is not wanted any more. */
const hear = async (
  stdout: Readable,
  onLine: NonNullable<RsyncRun['onLine']>,
  isOver: () => boolean,
): Promise<void> => {
  const lines = createInterface({ input: stdout })
  // Of a stream that was cut off readline does not hear.
  stdout.once('close', () => lines.close())
  for await (const line of lines) {
    if (isOver()) continue
    const heard = onLine(line)
    if (heard !== undefined) await heard
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

const throwFault = (fault: { readonly error: unknown } | null): void => {
  if (fault !== null) throw fault.error
}

const start = ({ options, source, target }: RsyncRun) =>
  spawn(
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

/**
 * Run rsync to its end. Rejects with the signal's reason, or what `onLine` threw, once the child,
 * which is ended, is gone with all that it started. Throws MS_REMOTE_UNREACHABLE, MS_DISK_FULL,
 * MS_PUBLISH_SHRINKS (--max-delete was reached), MS_CONFIG_INVALID (there is no rsync).
 */
export const runRsync = async (run: RsyncRun): Promise<void> => {
  const { onLine = () => undefined, signal } = run
  signal.throwIfAborted()
  const guard = postGuard()
  const child = start(run)
  guard.watch(child)
  let words = ''
  child.stderr.on('data', (part: Buffer) => {
    words = `${words}${part.toString('latin1')}`.slice(-keptErrorBytes)
  })
  let late: NodeJS.Timeout | undefined
  const stop = (): void => {
    if (late !== undefined) return
    kill(child, 'SIGTERM')
    late = setTimeout(() => {
      kill(child, 'SIGKILL')
      // Whoever left the group and holds the other end is not waited for.
      child.stdout.destroy()
      child.stderr.destroy()
    }, rsyncKillMs)
  }
  signal.addEventListener('abort', stop, { once: true })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', error => reject(startError(error)))
    child.once('close', resolve)
  })
  let fault: { readonly error: unknown } | null = null
  const heard = hear(child.stdout, onLine, () => signal.aborted).catch((error: unknown) => {
    fault = { error }
    child.stdout.resume()
    stop()
  })
  try {
    const status = await ended
    await heard
    signal.throwIfAborted()
    throwFault(fault)
    if (status !== 0 && status !== vanished) throw failureOf(status, words)
  } finally {
    clearTimeout(late)
    guard.dismiss()
    signal.removeEventListener('abort', stop)
  }
}
