// The load of bench/serving.ts: wrk on a processor of its own, which asks for a list of targets in
// turn, and a crowd of clients that take their bytes slowly.

import { readFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runOrThrow } from '../loadtest/programs.ts'
import { loadProcessor } from './redirects-load.ts'

const script = `
local targets, index = {}, 0
function init(args)
  for line in io.lines(args[1]) do targets[#targets + 1] = wrk.format('GET', line) end
end
function request()
  index = index % #targets + 1
  return targets[index]
end
`

export interface AskedServer {
  readonly name: string
  readonly url: string
  cpuSeconds(): number
}

export interface Served {
  readonly requests: number
  readonly bytes: number
  readonly seconds: number
  /** Of the server, while it was asked. */
  readonly cpuSeconds: number
  readonly errors: number
}

const units: Readonly<Record<string, number>> = {
  '': 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
}

/** wrk counts in powers of 1024. */
const bytesOf = (text: string): number => {
  const [, number = '', unit = ''] = /^([\d.]+)([KMGT]?)B$/.exec(text) ?? []
  return Number(number) * (units[unit] ?? Number.NaN)
}

const errorsOf = (output: string): number => {
  const answers = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0)
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+)/.exec(output)
  return (sockets ?? []).slice(1).reduce((sum, count) => sum + Number(count), answers)
}

/** Ask for `targets` in turn, over so many connections at once. */
export const askInTurn = async (
  server: AskedServer,
  targets: readonly string[],
  load: { readonly folder: string; readonly seconds: number; readonly connections: number },
): Promise<Served> => {
  const scriptFile = join(load.folder, 'serving.lua')
  const listFile = join(load.folder, 'targets')
  writeFileSync(scriptFile, script)
  writeFileSync(listFile, `${targets.join('\n')}\n`)
  const before = server.cpuSeconds()
  const { stdout } = await runOrThrow('taskset', [
    ...['-c', loadProcessor, 'wrk', '-t1', `-c${load.connections}`, `-d${load.seconds}s`],
    ...['--timeout', '30s', '-s', scriptFile, `${server.url}/`, '--', listFile],
  ])
  const [, requests = '0', bytes = ''] = /(\d+) requests in \S+, (\S+) read/.exec(stdout) ?? []
  return {
    requests: Number(requests),
    bytes: bytesOf(bytes),
    seconds: load.seconds,
    cpuSeconds: server.cpuSeconds() - before,
    errors: errorsOf(stdout),
  }
}

/** One that reads a little once a second. */
const slowClient = (port: number, target: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`GET ${target} HTTP/1.1\r\nHost: volunteer\r\n\r\n`)
      resolve(socket)
    })
    socket.on('error', reject)
    socket.on('data', () => {
      socket.pause()
      setTimeout(() => socket.resume(), 1_000).unref()
    })
  })

/** So many slow clients at once for so long; returns how many are still being served at the end. */
export const serveSlowly = async (
  url: string,
  targets: readonly string[],
  crowd: { readonly clients: number; readonly seconds: number },
): Promise<number> => {
  const port = Number(new URL(url).port)
  const sockets = await Promise.all(
    Array.from({ length: crowd.clients }, (_, index) =>
      slowClient(port, targets[index % targets.length] ?? '/'),
    ),
  )
  await sleep(crowd.seconds * 1_000)
  const served = sockets.filter(socket => !socket.destroyed && socket.bytesRead > 0).length
  for (const socket of sockets) socket.destroy()
  return served
}

/** Open descriptors that this process may have. */
export const descriptorLimit = (): number => {
  const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
  return Number(line?.[1] ?? 0)
}
