// One JSON line for each client that is sent to a volunteer, in a file of the operator's or on
// standard output. It reads what the redirector says it did; lines are written a little later, in
// order, and a full disk stops nothing but the log.

import { once } from 'node:events'
import { openSync } from 'node:fs'
import { pino } from 'pino'
import { accessLogBytes, accessLogCloseMs, accessLogFlushMs } from '../core/access-limits.ts'
import type { Clock } from '../core/clock.ts'
import { describeError, MirrorswarmError } from '../core/errors.ts'
import type { VolunteerName } from '../core/ids.ts'
import { type LogAddresses, type Logger, logAddress } from '../core/log.ts'
import { expectedBytes } from './logic/account.ts'
import { partsOfClient } from './logic/client-text.ts'
import type { RedirectRequest } from './redirector.ts'

/** How often it is said again that lines are lost. */
const complainMs = 60_000
/** What gathers before it is written. */
const flushBytes = 4096
/** The operator and the group of log readers. */
const fileMode = 0o640

export interface AccessLogParts {
  readonly clock: Clock
  /** For what goes wrong. */
  readonly logger: Logger
  /** Clients have names: see clientText. */
  readonly named: boolean
}

type Destination = ReturnType<typeof pino.destination>

interface Output {
  readonly destination: Destination
  readonly lines: { info(fields: object): void }
}

export class AccessLog {
  readonly #parts: AccessLogParts
  #output: Output | null = null
  #addresses: LogAddresses = 'full'
  #complainedMs = Number.NEGATIVE_INFINITY
  #lostLines = 0
  #timer: NodeJS.Timeout | undefined
  /** Outputs that still write what they have. */
  #closing: Promise<void> = Promise.resolve()

  constructor(parts: AccessLogParts) {
    this.#parts = parts
  }

  /**
   * Write to `file` from the next line on, '-' being standard output and null nowhere; a file is
   * opened anew, also when it is the same name. Throws MS_CONFIG_INVALID, and goes on as before.
   */
  change(file: string | null, addresses: LogAddresses): void {
    const next = file === null ? null : this.#open(file)
    const before = this.#output
    this.#output = next
    this.#addresses = addresses
    clearInterval(this.#timer)
    if (next !== null) {
      this.#timer = setInterval(() => this.#flush(), accessLogFlushMs)
      this.#timer.unref()
    }
    if (before !== null) this.#closing = this.#closing.then(() => this.#close(before))
  }

  /** A client was sent to a volunteer. Not `counted`: it had a line for the same bytes before. */
  sent(name: VolunteerName, request: RedirectRequest, counted = true): void {
    if (this.#output === null) return
    const { client, address = null, path, content, range, method = 'GET' } = request
    const { name: user, agent } = partsOfClient(client, address ?? '', this.#parts.named)
    this.#output.lines.info({
      address: address === null ? '-' : logAddress(address, this.#addresses),
      client: user ?? '-',
      method,
      path: `/${path}`,
      protocol: 'HTTP/1.1',
      status: 302,
      bytes: counted && method === 'GET' ? expectedBytes(range, content.sizeBytes) : 0,
      volunteer: name,
      agent: agent === '' ? '-' : agent,
    })
  }

  /** Resolves when all lines are written, or cannot be within a few seconds. */
  async stop(): Promise<void> {
    this.change(null, this.#addresses)
    await this.#closing
  }

  #open(file: string): Output {
    let fd = 1
    try {
      if (file !== '-') fd = openSync(file, 'a', fileMode)
    } catch (error) {
      const message = `--access-log ${file} cannot be written: ${describeError(error)}`
      throw new MirrorswarmError('MS_CONFIG_INVALID', message, { cause: error })
    }
    const destination = pino.destination({
      ...{ fd, sync: false, minLength: flushBytes, maxLength: accessLogBytes },
    })
    destination.on('error', error => this.#complain(describeError(error)))
    destination.on('drop', () => {
      this.#lostLines++
      this.#complain('it cannot be written as fast as clients come')
    })
    const timestamp = pino.stdTimeFunctions.isoTime
    return { destination, lines: pino({ base: null, timestamp }, destination) }
  }

  #flush(): void {
    this.#output?.destination.flush(() => undefined)
  }

  #complain(error: string): void {
    const nowMs = this.#parts.clock.monotonicMs()
    if (nowMs - this.#complainedMs < complainMs) return
    this.#complainedMs = nowMs
    const lostLines = this.#lostLines
    this.#parts.logger.error({ error, lostLines }, 'the access log cannot be written')
  }

  async #close({ destination }: Output): Promise<void> {
    const late = AbortSignal.timeout(accessLogCloseMs)
    const closed = once(destination, 'close', { signal: late })
    destination.end()
    try {
      await closed
    } catch (error) {
      this.#complain(describeError(error))
      destination.destroy()
    }
  }
}
