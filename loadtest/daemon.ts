// One long-running mirrorswarm command as a real process: started until it says "ready", killed,
// stopped and started again on the same port and data.

import { fileURLToPath } from 'node:url'
import { waitAtMost } from './deadline.ts'
import { ProcessGroup } from './process-group.ts'
import { plainEnvironment } from './programs.ts'

/** The command line program of this checkout. */
export const commandFile = fileURLToPath(new URL('../cli/mirrorswarm.js', import.meta.url))

export interface DaemonOptions {
  readonly name: string
  /** Arguments of the command line, beginning with the command. */
  readonly args: readonly string[]
  readonly readyTimeoutMs?: number
  /** Another program that behaves like the command, for benches. */
  readonly program?: string
}

export class Daemon {
  readonly name: string
  readonly #args: readonly string[]
  readonly #readyTimeoutMs: number
  readonly #program: string
  #group: ProcessGroup | null = null
  #url = ''
  #startMs = 0

  constructor(options: DaemonOptions) {
    this.name = options.name
    this.#args = options.args
    this.#program = options.program ?? commandFile
    this.#readyTimeoutMs = options.readyTimeoutMs ?? 30_000
  }

  /** Where it serves, without a slash at the end. */
  get url(): string {
    return this.#url
  }

  /** Time from the start of the process to its "ready" line. */
  get startMs(): number {
    return this.#startMs
  }

  get running(): boolean {
    return this.#group !== null && !this.#group.ended
  }

  /** The end of what it said since its last start. */
  get output(): string {
    return `${this.#group?.stdout ?? ''}${this.#group?.stderr ?? ''}`
  }

  /** Start it and wait until it serves. */
  async start(): Promise<void> {
    if (this.#group !== null) throw new Error(`${this.name} runs already`)
    const started = performance.now()
    const group = new ProcessGroup(process.execPath, [this.#program, ...this.#args], {
      env: plainEnvironment(),
    })
    this.#group = group
    const ready = new Promise<string>((resolve, reject) => {
      let text = ''
      group.onOutput(part => {
        text += part
        const url = /^ready (\S+)$/m.exec(text)?.[1]
        if (url !== undefined) resolve(url)
      })
      group.exited.then(exit => {
        reject(new Error(`${this.name} ended (${exit.status ?? exit.signal}): ${this.output}`))
      }, reject)
    })
    try {
      const url = await waitAtMost(ready, this.#readyTimeoutMs, `the start of ${this.name}`)
      this.#url = url.replace(/\/$/, '')
      this.#startMs = performance.now() - started
    } catch (error) {
      await this.kill()
      throw error
    }
  }

  /** kill -9, as a power cut would: nothing is flushed or said. */
  async kill(): Promise<void> {
    const group = this.#group
    if (group === null) return
    group.signal('SIGKILL')
    await group.exited
    this.#group = null
  }

  /** SIGTERM; returns the exit status. What has not ended by the deadline is killed and thrown. */
  async stop(timeoutMs = 20_000): Promise<number | null> {
    const group = this.#group
    if (group === null) return null
    group.signal('SIGTERM')
    try {
      return (await waitAtMost(group.exited, timeoutMs, `stopping ${this.name}`)).status
    } finally {
      group.signal('SIGKILL')
      await group.exited
      this.#group = null
    }
  }

  /** Pause or continue it (SIGSTOP, SIGCONT), as a machine that hangs; have it read its configuration. */
  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGHUP'): void {
    this.#group?.signal(name)
  }

  /** Its processes' ids. */
  processes(): number[] {
    return this.#group?.processes() ?? []
  }

  openFiles(pattern?: RegExp): number {
    return this.#group?.openFiles(pattern) ?? 0
  }

  /** Processor time since its start, of all its processes. */
  cpuSeconds(): number {
    return this.#group?.cpuSeconds() ?? 0
  }

  peakResidentBytes(): number {
    return this.#group?.peakResidentBytes() ?? 0
  }
}
