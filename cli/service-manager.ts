// Tells systemd what it asks for in the environment (sd_notify): ready, alive, stopping. Node has no
// datagram sockets of the Unix kind, so the program systemd-notify says it. Elsewhere it does nothing.

import { execFile } from 'node:child_process'
import { describeError } from '../core/errors.ts'
import { serviceNotifyMs } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import type { Environment } from './resolve-options.ts'

/** Runs a program to its end; rejects when it fails. */
export type RunProgram = (program: string, words: readonly string[]) => Promise<void>

const runProgram: RunProgram = (program, words) =>
  new Promise((resolve, reject) => {
    execFile(program, words, { timeout: serviceNotifyMs }, error =>
      error === null ? resolve() : reject(error),
    )
  })

export class ServiceManager {
  readonly #listens: boolean
  /** Half of the time in which it wants to hear something; null: it does not. */
  readonly #aliveMs: number | null
  readonly #run: RunProgram
  #logger: Logger | null = null
  #timer: NodeJS.Timeout | undefined
  #complained = false

  constructor(environment: Environment, run: RunProgram = runProgram) {
    this.#listens = (environment.NOTIFY_SOCKET ?? '') !== ''
    const watchdogMs = Math.floor(Number(environment.WATCHDOG_USEC ?? '') / 1000)
    this.#aliveMs = this.#listens && watchdogMs > 0 ? Math.ceil(watchdogMs / 2) : null
    this.#run = run
  }

  /** It serves: from now on say now and then that the event loop goes round. */
  async ready(logger: Logger): Promise<void> {
    this.#logger = logger
    if (this.#aliveMs !== null) {
      this.#timer = setInterval(() => void this.#say('WATCHDOG=1'), this.#aliveMs)
      this.#timer.unref()
    }
    await this.#say('READY=1')
  }

  /** It ends, which may take some seconds. */
  async stopping(): Promise<void> {
    clearInterval(this.#timer)
    await this.#say('STOPPING=1')
  }

  async #say(assignment: string): Promise<void> {
    if (!this.#listens) return
    try {
      await this.#run('systemd-notify', [assignment])
    } catch (error) {
      if (this.#complained) return
      this.#complained = true
      this.#logger?.error({ error: describeError(error) }, 'systemd-notify failed')
    }
  }
}
