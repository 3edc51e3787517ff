// Stands where a volunteer is reached from outside, and breaks what clients get as told: the
// volunteer behind it stays honest and alive. What is below "/-/" passes, unless it is dead.

import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http'

/** What goes wrong with a volunteer. */
export const faults = ['dead', '404', 'wrong bytes', 'stall', 'cut'] as const

export type Fault = (typeof faults)[number]

/** A request for a file, and what was answered. */
export interface Sent {
  readonly range: string | null
  readonly status: number
}

export class Front {
  readonly host: string
  readonly port: number
  readonly sent: Sent[] = []
  readonly #target: number
  #fault: Fault | null = null
  #server: Server | null = null
  #onHalf: (() => void) | null = null

  private constructor(host: string, port: number, target: number) {
    this.host = host
    this.port = port
    this.#target = target
  }

  /** Listen, and pass everything on to port `target` of 127.0.0.1. */
  static async start(host: string, port: number, target: number): Promise<Front> {
    const front = new Front(host, port, target)
    await front.#listen()
    return front
  }

  get url(): string {
    return `http://${this.host}:${this.port}/`
  }

  /** From now on this goes wrong; null: nothing does. */
  async set(fault: Fault | null): Promise<void> {
    this.#fault = fault
    this.sent.length = 0
    if (fault === 'dead') await this.stop()
    else if (this.#server === null) await this.#listen()
    // What hangs from before is over.
    else this.#server.closeAllConnections()
  }

  /** Resolves when half of a file has been sent to somebody. */
  half(): Promise<void> {
    return new Promise(resolve => {
      this.#onHalf = resolve
    })
  }

  async stop(): Promise<void> {
    const server = this.#server
    this.#server = null
    if (server === null) return
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }

  async #listen(): Promise<void> {
    const server = createServer((incoming, response) => this.#answer(incoming, response))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.port, this.host, resolve)
    })
    this.#server = server
  }

  #answer(incoming: IncomingMessage, response: ServerResponse): void {
    const { url: path = '', method = 'GET', headers } = incoming
    const isFile = !path.startsWith('/-/')
    const fault = isFile ? this.#fault : null
    if (fault === '404') {
      incoming.resume()
      this.sent.push({ range: headers.range ?? null, status: 404 })
      response.writeHead(404, { 'content-length': 0 }).end()
      return
    }
    const target = { host: '127.0.0.1', port: this.#target, method, path, headers, agent: false }
    const onward = request(target, answer => {
      const status = answer.statusCode ?? 502
      if (isFile) this.sent.push({ range: headers.range ?? null, status })
      response.writeHead(status, answer.rawHeaders)
      const size = Number(answer.headers['content-length'] ?? 0)
      const hasBody = method === 'GET' && (status === 200 || status === 206)
      if (fault === null || !hasBody) answer.pipe(response)
      else this.#spoil(answer, response, { fault, size })
    })
    onward.on('error', () => response.destroy())
    response.on('close', () => onward.destroy())
    incoming.pipe(onward)
  }

  #spoil(
    answer: IncomingMessage,
    response: ServerResponse,
    { fault, size }: { readonly fault: Fault; readonly size: number },
  ): void {
    if (fault === 'wrong bytes') {
      answer.on('data', (part: Buffer) => response.write(part.map(byte => byte ^ 0x55)))
      answer.on('end', () => response.end())
      return
    }
    let left = Math.floor(size / 2)
    answer.on('data', (part: Buffer) => {
      if (left === 0) return
      const taken = part.subarray(0, left)
      left -= taken.length
      response.write(taken, () => {
        if (left > 0) return
        this.#onHalf?.()
        if (fault === 'cut') response.destroy()
      })
    })
  }
}
