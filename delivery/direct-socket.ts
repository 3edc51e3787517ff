// Reads and writes a socket past the queues of its stream while they are empty, which is most often:
// they cost an answer of one line as much as finding it does. The stream stays in charge of
// everything else: pausing, what could not be taken yet, the end, errors.

import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'

const streamPush = Duplex.prototype.push

/**
 * Give what arrives to `onData` at once while the socket flows and nothing waits in it; else it comes
 * as 'data', for which there has to be a listener too.
 */
export const readDirectly = (socket: Socket, onData: (bytes: Buffer) => void): void => {
  socket.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    const waits = socket.readableFlowing !== true || socket.readableLength > 0
    if (waits || !Buffer.isBuffer(chunk)) return streamPush.call(socket, chunk, encoding)
    onData(chunk)
    return true
  }
}

/** Leave reading to the stream again. */
export const readAsUsual = (socket: Socket): void => {
  socket.push = streamPush
}

/**
 * Write latin1 text behind all that was written before; `onWritten` is called once, for TCP and Unix
 * sockets at once if the kernel takes all of it. Only for a socket that is writable. Later writes keep
 * their order, since the handle below has a queue of its own; that of TLS has none.
 */
export const writeDirectly = (
  socket: Socket,
  text: string,
  onWritten: (error?: Error | null) => void,
): void => {
  if (socket instanceof TLSSocket) socket.write(text, 'latin1', onWritten)
  else socket._write(text, 'latin1', onWritten)
}

/** The same for an answer with a body, in one call to the kernel. The bytes have to stay as they are. */
export const writeBodyDirectly = (
  socket: Socket,
  head: string,
  body: Uint8Array,
  onWritten: (error?: Error | null) => void,
): void => {
  if (socket instanceof TLSSocket || socket._writev === undefined) {
    socket.cork()
    socket.write(head, 'latin1')
    socket.write(body, onWritten)
    socket.uncork()
    return
  }
  // The head as bytes too: texts would have to be copied once more. Of bytes the encoding says nothing.
  const encoding: BufferEncoding = 'latin1'
  const chunks = [
    { chunk: Buffer.from(head, encoding), encoding },
    { chunk: body, encoding },
  ]
  socket._writev(chunks, onWritten)
}
