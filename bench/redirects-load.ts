// The load of bench/redirects.ts: wrk on a processor of its own, asking for paths all over a
// synthetic repository as clients that each fetch a few dozen packages and never come back.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ProcessGroup } from '../loadtest/process-group.ts'
import { plainEnvironment, runOrThrow } from '../loadtest/programs.ts'

export const serverProcessor = '0'
export const loadProcessor = '1'
const connections = 64
/** Files that one made-up client asks for. */
const filesPerClient = 40

/** As syntheticPath makes them; requests of a client are far from each other and never repeat. */
const script = `
local files, pause, sent, client, index
function init(args)
  files, pause = tonumber(args[1]), tonumber(args[2])
  math.randomseed(tonumber(args[3]))
  sent = 0
end
function request()
  if sent % ${filesPerClient} == 0 then
    client, index = math.random(0, 2147483647), math.random(0, files - 1)
  end
  sent = sent + 1
  index = (index + 7919) % files
  local folder = math.floor(index / 12)
  return 'GET /pool/main/' .. string.char(97 + folder % 26) .. '/source-package-' .. folder ..
    '/libpackage-' .. index .. '_1.0.' .. (index % 50) .. '-1_amd64.deb HTTP/1.1\\r\\n' ..
    'Host: origin.example.org\\r\\nUser-Agent: Debian APT-HTTP/1.3 (2.6.1; ' .. client ..
    ')\\r\\nAccept: text/*\\r\\n\\r\\n'
end
-- Never all at once: pauses of one length would have the connections march in step.
function delay() return pause > 0 and math.random(1, 2 * pause - 1) or 0 end
`

/** A server pinned to one processor. */
export interface PinnedServer {
  readonly name: string
  readonly url: string
  readonly group: ProcessGroup
}

export interface Measured {
  readonly requests: number
  readonly seconds: number
  /** Of the server, while it was asked. */
  readonly cpuSeconds: number
  /** That its first thread was ready to run and did not: others had the processor. */
  readonly waitedSeconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers that are neither 2xx nor 3xx, and broken connections. */
  readonly errors: number
}

/** Start a program on the server's processor, or those that are given, and wait until it says where it serves. */
export const startPinned = async (
  name: string,
  args: readonly string[],
  ready: RegExp,
  processors = serverProcessor,
  environment: Readonly<Record<string, string>> = {},
): Promise<PinnedServer> => {
  const group = new ProcessGroup('taskset', ['-c', processors, ...args], {
    env: plainEnvironment(environment),
  })
  const url = await new Promise<string>((resolve, reject) => {
    let text = ''
    group.onOutput(part => {
      text += part
      const found = ready.exec(text)?.[1]
      if (found !== undefined) resolve(found.replace(/\/$/, ''))
    })
    group.exited.then(
      () => reject(new Error(`${name} ended: ${group.stdout}${group.stderr}`)),
      reject,
    )
  })
  return { name, url, group }
}

export const stopPinned = async ({ group }: PinnedServer): Promise<void> => {
  group.signal('SIGKILL')
  await group.exited
}

const milliseconds = (text: string): number => {
  const value = Number.parseFloat(text)
  if (text.endsWith('us')) return value / 1_000
  return text.endsWith('ms') ? value : value * 1_000
}

const latency = (output: string, share: string): number =>
  milliseconds(new RegExp(`^\\s*${share}%\\s+(\\S+)$`, 'm').exec(output)?.[1] ?? 'NaN')

const errorsOf = (output: string): number => {
  const answers = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0)
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(
    output,
  )
  return (sockets ?? []).slice(1).reduce((sum, count) => sum + Number(count), answers)
}

export class Load {
  readonly #script: string
  readonly #files: number
  #seed = 0

  /** `folder`: where the script is put. */
  constructor(folder: string, files: number) {
    this.#script = join(folder, 'load.lua')
    this.#files = files
    writeFileSync(this.#script, script)
  }

  /** As much as the server answers. */
  full(server: PinnedServer, seconds: number): Promise<Measured> {
    return this.#run(server, seconds, connections, 0)
  }

  /** About `rate` requests a second, whatever the server makes of them. */
  atRate(server: PinnedServer, seconds: number, rate: number): Promise<Measured> {
    // wrk pauses whole milliseconds after each answer.
    const pauseMs = Math.max(2, Math.round((connections * 2_000) / rate))
    return this.#run(server, seconds, Math.max(1, Math.round((rate * pauseMs) / 1_000)), pauseMs)
  }

  async #run(
    server: PinnedServer,
    seconds: number,
    open: number,
    pauseMs: number,
  ): Promise<Measured> {
    const cpuBefore = server.group.cpuSeconds()
    const waitedBefore = waitedSeconds(server.group)
    this.#seed++
    const { stdout } = await runOrThrow('taskset', [
      ...['-c', loadProcessor, 'wrk', '-t1', `-c${open}`, `-d${seconds}s`, '--latency'],
      ...['-s', this.#script, `${server.url}/`, '--'],
      ...[String(this.#files), String(pauseMs), String(this.#seed)],
    ])
    const [, requests = '0', time = '0s'] = /(\d+) requests in (\S+),/.exec(stdout) ?? []
    return {
      requests: Number(requests),
      seconds: milliseconds(time) / 1_000,
      cpuSeconds: server.group.cpuSeconds() - cpuBefore,
      waitedSeconds: waitedSeconds(server.group) - waitedBefore,
      p50Ms: latency(stdout, '50'),
      p99Ms: latency(stdout, '99'),
      errors: errorsOf(stdout),
    }
  }
}

/** In the run queue, since the start, of the processes' first threads; 0 where the kernel does not say. */
const waitedSeconds = (group: ProcessGroup): number =>
  group.processes().reduce((sum, pid) => {
    const file = `/proc/${pid}/task/${pid}/schedstat`
    const [, waitedNs = '0'] = existsSync(file) ? readFileSync(file, 'utf8').split(' ') : []
    return sum + Number(waitedNs) / 1e9
  }, 0)

/** Resident memory of the group's processes now, in bytes. */
export const residentBytes = (group: ProcessGroup): number =>
  group.processes().reduce((sum, pid) => {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return sum + Number(kib ?? 0) * 1_024
  }, 0)
