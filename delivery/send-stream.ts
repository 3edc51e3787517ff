// Sends an answer whose bytes are made while they go out, compressed when the other side takes that.
// Its length is not known before, so a failure behind the headers cuts the connection. Knows nothing
// of what the bytes are.

import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createZstdCompress } from 'node:zlib'
import { zstdSentWindowLog } from '../core/delta-limits.ts'
import { slowReadBufferBytes, stalledClientMs } from '../core/limits.ts'
import { ClientConnection, type ConnectionEnd } from './client-connection.ts'
import type { FloorRate } from './logic/floor-rate.ts'

export interface StreamOptions {
  /** Called before each write, with a signal that ends the wait when the other side leaves. */
  readonly limiter?: { take(bytes: number, signal: AbortSignal): Promise<void> }
  /** Cuts the connection (the daemon stops). */
  readonly signal?: AbortSignal
  /** Body bytes (compressed, if they are) that went to the kernel, as they go. */
  readonly onBytes?: (bytes: number) => void
  readonly headers: Readonly<Record<string, string>>
  readonly encoding: 'zstd' | 'identity'
  /** Who takes less than this is cut off; waiting for the limiter does not count. */
  readonly floor?: FloorRate
  /** Tests only shorten it. */
  readonly stallMs?: number
}

/** `sent`: complete. Else why the connection ended before that. */
export type StreamOutcome = 'sent' | ConnectionEnd

/** Does an accept-encoding header name this encoding, and not to refuse it (";q=0")? */
export const acceptsEncoding = (
  header: string | string[] | undefined,
  encoding: 'zstd' | 'gzip',
): boolean =>
  String(header ?? '')
    .toLowerCase()
    .split(',')
    .some(item => {
      const [name, ...parameters] = item.split(';').map(part => part.trim())
      return name === encoding && !parameters.some(parameter => /^q=0(?:\.0*)?$/.test(parameter))
    })

async function* withFirst(
  first: IteratorResult<Uint8Array>,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    for (let step = first; step.done !== true; step = await rest.next()) yield step.value
  } finally {
    await rest.return?.()
  }
}

/** Errors of the source come out of the compressor; whoever stops reading ends the source. */
async function* compressed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const zstd = createZstdCompress({
    params: { [constants.ZSTD_c_windowLog]: zstdSentWindowLog },
  })
  const done = pipeline(Readable.from(source, { objectMode: false }), zstd)
  // Whoever reads is told by the stream itself.
  done.catch(() => undefined)
  try {
    for await (const part of zstd) yield part as Buffer
  } finally {
    zstd.destroy()
    await done.catch(() => undefined)
  }
}

function* slices(part: Uint8Array, limited: boolean): Generator<Uint8Array> {
  if (!limited) yield part
  else {
    for (let start = 0; start < part.length; start += slowReadBufferBytes) {
      yield part.subarray(start, start + slowReadBufferBytes)
    }
  }
}

const writeAll = async (
  connection: ClientConnection,
  parts: AsyncIterable<Uint8Array>,
  { limiter, onBytes }: StreamOptions,
): Promise<void> => {
  for await (const part of parts) {
    for (const slice of slices(part, limiter !== undefined)) {
      await limiter?.take(slice.length, connection.gone)
      if (!(await connection.write('', slice))) return
      onBytes?.(slice.length)
    }
  }
}

/**
 * Answer 200 with the parts that `open` makes, each in memory of its own; it is given a signal that is aborted when the other
 * side leaves. Takes the response over. Throws what `open` throws: if nothing was sent yet
 * (`response.headersSent`) the caller owes an answer, else the connection is cut already.
 */
export const sendStream = async (
  response: ServerResponse,
  open: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
  options: StreamOptions,
): Promise<StreamOutcome> => {
  const connection = new ClientConnection(
    response,
    options.stallMs ?? stalledClientMs,
    options.signal,
    options.floor,
  )
  let source: AsyncIterator<Uint8Array> | undefined
  try {
    if (!(await connection.turn())) return connection.ended ?? 'client-gone'
    source = open(connection.gone)[Symbol.asyncIterator]()
    // What is wrong with the request shows before the first byte, and gets an answer of its own.
    const first = await source.next()
    if (connection.ended !== null) return connection.ended
    const parts = withFirst(first, source)
    const zstd = options.encoding === 'zstd'
    response.writeHead(200, {
      ...options.headers,
      ...(zstd ? { 'content-encoding': 'zstd' } : {}),
    })
    await writeAll(connection, zstd ? compressed(parts) : parts, options)
    if (connection.ended === null) await connection.finish('')
    return connection.ended ?? 'sent'
  } catch (error) {
    const ended = connection.ended
    if (response.headersSent) connection.destroy()
    if (ended !== null) return ended
    throw error
  } finally {
    // Also when it came to nothing before anybody read on, as when there is no memory to compress.
    await source?.return?.().catch(() => undefined)
    connection.dispose()
  }
}
