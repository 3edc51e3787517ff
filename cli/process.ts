// Ties the command line to the process: arguments, streams, signals, exit status. Only this file
// of cli/ may end the process.

import { systemCode } from '../core/errors.ts'
import { exitGraceMs } from '../core/limits.ts'
import type { Io } from './io.ts'
import { main } from './main.ts'

/** A second signal within this time is the same key press, passed on by a wrapper. */
const samePressMs = 1000

const line = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`)

/**
 * Aborts at the first SIGINT, SIGTERM or SIGHUP; a later one ends the process at once. SIGHUP goes to
 * `hangups` instead where anybody listens there.
 */
const stopSignal = (hangups: ReadonlySet<() => void>): AbortSignal => {
  const controller = new AbortController()
  let firstMs: number | null = null
  const stop = (): void => {
    const nowMs = performance.now()
    if (firstMs !== null && nowMs - firstMs > samePressMs) process.exit(130)
    firstMs ??= nowMs
    controller.abort(new Error('interrupted'))
  }
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, stop)
  process.on('SIGHUP', () => {
    if (hangups.size === 0) stop()
    for (const listener of hangups) listener()
  })
  // Started by a wrapper or a test with a channel: without them there is nobody to work for.
  if (process.channel) {
    process.once('disconnect', stop)
    process.channel.unref()
  }
  return controller.signal
}

/** A reader that has seen enough ("| head") is no failure. */
const tolerateClosedOutput = (stream: NodeJS.WriteStream): void => {
  stream.on('error', error => {
    if (systemCode(error) !== 'EPIPE') throw error
    process.exit(0)
  })
}

/** Run the command line of this process. */
export const runProcess = async (): Promise<void> => {
  tolerateClosedOutput(process.stdout)
  tolerateClosedOutput(process.stderr)
  const hangups = new Set<() => void>()
  const interactive = process.stderr.isTTY === true
  const io: Io = {
    print: text => void process.stdout.write(line(text)),
    note: text => void process.stderr.write(line(text)),
    draw: text => void process.stderr.write(`\r\u001b[K${text}`),
    interactive,
    columns: process.stdout.columns ?? 80,
    stopped: stopSignal(hangups),
    onHangup: listener => void (interactive || hangups.add(listener)),
  }
  process.exitCode = await main(process.argv.slice(2), process.env, io)
  // Everything is closed by now; whatever still holds the process open may not do so for long.
  setTimeout(() => process.exit(), exitGraceMs).unref()
}
