// Shows the long work of a daemon that serves already: a bar on a terminal, now and then a log line
// elsewhere. What the work is the daemon says.

import type { Logger } from '../core/log.ts'
import { formatSize } from '../core/units.ts'
import type { Io } from './io.ts'
import { ProgressLine } from './progress-line.ts'

/** Work under way, in bytes. */
export interface DaemonProgress {
  readonly what: string
  readonly doneBytes: number
  readonly totalBytes: number
}

const lookMs = 250
/** Work that is over within this time is not logged at all. */
const logMs = 60_000

/** Look at `read` from now on; null is no work. Returns how to end it. */
export const showProgress = (
  io: Pick<Io, 'note' | 'draw' | 'interactive'>,
  logger: Logger,
  read: () => DaemonProgress | null,
  everyMs: number = io.interactive ? lookMs : logMs,
): (() => void) => {
  const line = new ProgressLine(io)
  const look = (): void => {
    const work = read()
    if (work === null) line.end()
    else if (io.interactive) line.show(work.what, work.doneBytes, work.totalBytes)
    else {
      const { doneBytes, totalBytes } = work
      const amount = `${formatSize(doneBytes)} of ${formatSize(totalBytes)}`
      logger.info({ doneBytes, totalBytes }, `${work.what}: ${amount}`)
    }
  }
  const timer = setInterval(look, everyMs)
  timer.unref()
  return () => {
    clearInterval(timer)
    line.end()
  }
}
