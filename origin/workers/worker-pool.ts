// Keeps the worker threads: starts them at one port, starts anew what died, and ends them. What
// their connections ask goes to the desks; this file knows nothing of it.

import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { Worker } from 'node:worker_threads'
import type { Clock } from '../../core/clock.ts'
import { describeError } from '../../core/errors.ts'
import type { Logger } from '../../core/log.ts'
import type { TlsPair } from '../../core/tls-files.ts'
import { workerGraceMs } from '../../core/worker-limits.ts'
import { nextPause, type Pause } from '../logic/worker-pause.ts'
import { type DeskParts, WorkerDesk } from './desk.ts'
import type { FromWorker, ToWorker, WorkerOrder, WorkerTls } from './messages.ts'
import type { TunnelPlace } from './tunnel.ts'

export interface WorkerPoolParts extends Omit<DeskParts, 'post'> {
  readonly place: TunnelPlace
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly logger: Logger
}

export interface WorkerPoolOptions {
  readonly count: number
  /** Null: plain HTTP. */
  readonly tls: WorkerTls | null
}

export interface Bound {
  readonly address: string
  readonly port: number
}

interface Running {
  readonly thread: Worker
  readonly desk: WorkerDesk
  readonly bound: Promise<Bound>
  readonly ended: Promise<void>
}

/** As node:http listens: at all addresses of "localhost", at one of any other name. */
const addressesOf = async (host: string): Promise<string[]> => {
  if (host !== 'localhost') return [host]
  const found = await lookup(host, { all: true })
  return [...new Set(found.map(({ address }) => address))]
}

/** Throws unless nobody listens there: workers share their port with whoever shares it, too. */
const checkFree = async (host: string, port: number): Promise<void> => {
  const server = createServer()
  server.listen({ host, port, exclusive: true })
  await once(server, 'listening')
  server.close()
  await once(server, 'close')
}

const threadFile = new URL(
  import.meta.url.endsWith('.ts') ? './worker-thread.ts' : './worker-thread.js',
  import.meta.url,
)

export class WorkerPool {
  readonly #parts: WorkerPoolParts
  readonly #options: WorkerPoolOptions
  readonly #running = new Set<Running>()
  readonly #restarts = new Set<NodeJS.Timeout>()
  #tls: WorkerTls | null
  #hosts: readonly string[] = []
  #port = 0
  #stopping = false
  /** How many were started anew. */
  restarted = 0

  constructor(parts: WorkerPoolParts, options: WorkerPoolOptions) {
    this.#parts = parts
    this.#options = options
    this.#tls = options.tls
  }

  /** The threads that run, for tests. */
  get threads(): Worker[] {
    return [...this.#running].map(({ thread }) => thread)
  }

  /** How many run. */
  get running(): number {
    return this.#running.size
  }

  /** Connections that workers hold. */
  get open(): number {
    return [...this.#running].reduce((sum, { desk }) => sum + desk.open, 0)
  }

  /** Resolves when all listen. Port 0: any free one. Rejects as a server that listens does. */
  async start(host: string, port: number): Promise<Bound> {
    this.#hosts = await addressesOf(host)
    if (port !== 0) await checkFree(this.#hosts[0] ?? host, port)
    this.#port = port
    const bound = await this.#run().bound
    this.#port = bound.port
    const others = Array.from({ length: this.#options.count - 1 }, () => this.#run().bound)
    await Promise.all(others)
    for (const running of this.#running) this.#watch(running)
    return bound
  }

  /** For connections that begin from now on. */
  setSecureContext(pair: TlsPair): void {
    if (this.#tls !== null) this.#tls = { ...this.#tls, pair }
    for (const { thread } of this.#running) post(thread, { type: 'pair', pair })
  }

  /** Take no more connections, and close those on which nothing is under way. */
  close(): void {
    this.#stopping = true
    for (const timer of this.#restarts) clearTimeout(timer)
    for (const { thread } of this.#running) post(thread, { type: 'stop' })
  }

  /** End all threads, after a moment for what is still on its way to clients. */
  async stop(graceMs = workerGraceMs): Promise<void> {
    this.close()
    const late = setTimeout(() => {
      for (const { thread } of this.#running) void thread.terminate()
    }, graceMs)
    await Promise.all([...this.#running].map(({ ended }) => ended))
    clearTimeout(late)
  }

  #run(): Running {
    const { place } = this.#parts
    const order: WorkerOrder = { hosts: this.#hosts, port: this.#port, tls: this.#tls, place }
    const thread = new Worker(threadFile, { workerData: order })
    const desk = new WorkerDesk({ ...this.#parts, post: message => post(thread, message) })
    const bound = Promise.withResolvers<Bound>()
    // Whoever starts it looks at this only if it waits for it.
    bound.promise.catch(() => undefined)
    const ended = new Promise<void>(resolve => {
      thread.once('exit', code => {
        desk.release()
        this.#running.delete(running)
        bound.reject(new Error(`a worker thread ended (${code})`))
        resolve()
      })
    })
    thread.on('error', error => bound.reject(error))
    thread.on('message', (message: FromWorker) => {
      if (message.type === 'batch') desk.take(message)
      else if (message.type === 'listening') bound.resolve(message)
      else {
        bound.reject(Object.assign(new Error(message.message), { code: message.code }))
        void thread.terminate()
      }
    })
    const running: Running = { thread, desk, bound: bound.promise, ended }
    this.#running.add(running)
    return running
  }

  /** Start it anew when it dies. */
  #watch(running: Running, pause: Pause | null = null): void {
    const { clock, logger } = this.#parts
    const sinceMs = clock.monotonicMs()
    let problem = 'it ended'
    running.thread.on('error', error => {
      problem = describeError(error)
    })
    void running.ended.then(() => {
      if (this.#stopping) return
      const next = nextPause(pause, clock.monotonicMs() - sinceMs)
      logger.error({ error: problem, pauseMs: next.ms }, 'a worker thread died; another is started')
      const timer = setTimeout(() => {
        this.#restarts.delete(timer)
        this.restarted++
        this.#watch(this.#run(), next)
      }, next.ms)
      this.#restarts.add(timer)
    })
  }
}

const post = (thread: Worker, message: ToWorker): void => {
  thread.postMessage(message)
}
