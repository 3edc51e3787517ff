// A child with its own process group, so that a signal reaches whatever it started, and nothing of
// it survives this process.

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { keptOutputBytes } from '../core/limits.ts'
import { cleanAtExit } from './leftovers.ts'

export interface GroupOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
}

export interface GroupExit {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
}

/** The last `keptOutputBytes` of a stream, as text. */
class Tail {
  #parts: Buffer[] = []
  #length = 0

  add(part: Buffer): void {
    this.#parts.push(part)
    this.#length += part.length
    while (this.#length > keptOutputBytes && this.#parts.length > 1) {
      this.#length -= this.#parts.shift()?.length ?? 0
    }
  }

  toString(): string {
    return Buffer.concat(this.#parts).toString()
  }
}

const fieldOf = (stat: string, index: number): number =>
  // The second field is the name in parentheses and may contain anything.
  Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[index - 2])

// utime, stime, and both of children that were waited for; Linux always reports 100 ticks.
const cpuFields = [13, 14, 15, 16]
const ticksPerSecond = 100

export class ProcessGroup {
  readonly exited: Promise<GroupExit>
  readonly #child: ChildProcessByStdio<null, Readable, Readable>
  #ended = false
  readonly #stdout = new Tail()
  readonly #stderr = new Tail()

  constructor(program: string, args: readonly string[], options: GroupOptions = {}) {
    this.#child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: options.env ?? process.env,
    })
    const forget = cleanAtExit(() => this.signal('SIGKILL'))
    this.#child.stdout.on('data', part => this.#stdout.add(part))
    this.#child.stderr.on('data', part => this.#stderr.add(part))
    this.exited = new Promise((resolve, reject) => {
      this.#child.once('error', error => {
        this.#ended = true
        forget()
        reject(error)
      })
      this.#child.once('close', (status, signal) => {
        this.#ended = true
        forget()
        resolve({ status, signal })
      })
    })
    // Whoever waits sees the failure; when nobody waits it must not end the process.
    this.exited.catch(() => undefined)
  }

  get ended(): boolean {
    return this.#ended
  }

  get stdout(): string {
    return this.#stdout.toString()
  }

  get stderr(): string {
    return this.#stderr.toString()
  }

  /** Call `listener` with each further piece of standard output. */
  onOutput(listener: (text: string) => void): void {
    this.#child.stdout.on('data', (part: Buffer) => listener(part.toString()))
  }

  /** Signal every process of the group; a group that is gone already is fine. */
  signal(name: NodeJS.Signals): void {
    const { pid } = this.#child
    if (pid === undefined) return
    try {
      process.kill(-pid, name)
    } catch {
      // ESRCH: nobody is left, which is what the caller wants.
    }
  }

  /** The living processes of the group (Linux; empty elsewhere). */
  processes(): number[] {
    const { pid } = this.#child
    const found: number[] = []
    for (const name of readFolder('/proc')) {
      if (!/^\d+$/.test(name)) continue
      const stat = readText(`/proc/${name}/stat`)
      if (stat !== null && fieldOf(stat, 4) === pid) found.push(Number(name))
    }
    return found
  }

  /** Open files of all processes of the group; with `pattern` only those whose target matches. */
  openFiles(pattern?: RegExp): number {
    let count = 0
    for (const pid of this.processes()) {
      for (const name of readFolder(`/proc/${pid}/fd`)) {
        if (pattern === undefined || pattern.test(readTarget(`/proc/${pid}/fd/${name}`))) count++
      }
    }
    return count
  }

  /** Processor time of the group and of its children that have ended (Linux; 0 elsewhere). */
  cpuSeconds(): number {
    let ticks = 0
    for (const pid of this.processes()) {
      const stat = readText(`/proc/${pid}/stat`)
      if (stat !== null) for (const field of cpuFields) ticks += fieldOf(stat, field)
    }
    return ticks / ticksPerSecond
  }

  /** Highest resident memory so far of the group's largest process, in bytes (0 when unknown). */
  peakResidentBytes(): number {
    let peak = 0
    for (const pid of this.processes()) {
      const kib = /^VmHWM:\s+(\d+) kB/m.exec(readText(`/proc/${pid}/status`) ?? '')?.[1]
      peak = Math.max(peak, Number(kib ?? 0) * 1024)
    }
    return peak
  }
}

// Processes come and go while /proc is read: what vanished is simply not counted.
const readText = (file: string): string | null => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

const readFolder = (folder: string): string[] => {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

const readTarget = (link: string): string => {
  try {
    return readlinkSync(link)
  } catch {
    return ''
  }
}
