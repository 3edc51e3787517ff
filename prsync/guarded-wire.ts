// bittorrent-protocol trusts the other side: it takes messages of 2 GiB and lets an odd one throw out
// of the stream, which would end the process. This sets bounds for every wire, once and for all;
// who breaks one is disconnected.

import Wire from 'bittorrent-protocol'
import { unrequestedWireBytes, wireMessageBytes } from '../core/limits.ts'

/** The wire to the origin is inside this process and carries whole pieces. */
const isOwn = (wire: Wire): boolean => wire.type === 'webSeed' || wire.type === 'origin'

const unrequested = new WeakMap<Wire, number>()

/** Blocks were cancelled that may be on their way: they are not held against the peer. */
export const expectLate = (wire: Wire, bytes: number): void => {
  unrequested.set(wire, (unrequested.get(wire) ?? 0) - bytes)
}

const guard = (): void => {
  const { _write, _onMessageLength, _onHave, _onPiece } = Wire.prototype

  Wire.prototype._write = function (data, done): void {
    let failure: Error | null = null
    const finish = (error: Error | null): void => {
      failure = error
    }
    try {
      // A long message is put together once it is complete, not at each part of it.
      if (this._buffer.length > 0 && this._bufferSize + data.length < this._parserSize) {
        this._bufferSize += data.length
        this._buffer.push(data)
      } else _write.call(this, data, finish)
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error))
    }
    done(failure)
  }

  Wire.prototype._onMessageLength = function (data): void {
    const length = Buffer.from(data.buffer, data.byteOffset, 4).readUInt32BE()
    if (length > wireMessageBytes && !isOwn(this)) {
      throw new Error(`a message of ${length} bytes`)
    }
    _onMessageLength.call(this, data)
  }

  Wire.prototype._onHave = function (index): void {
    if (index < 0 || index >= wireMessageBytes * 8) throw new Error(`a piece number ${index}`)
    _onHave.call(this, index)
  }

  Wire.prototype._onPiece = function (index, offset, data): void {
    const asked = this.requests.some(
      request =>
        request.piece === index && request.offset === offset && request.length === data.length,
    )
    if (!asked) {
      const bytes = (unrequested.get(this) ?? 0) + data.length
      unrequested.set(this, bytes)
      if (bytes > unrequestedWireBytes) throw new Error('blocks that nobody asked for')
    }
    _onPiece.call(this, index, offset, data)
  }
}

let guarded = false

/** Set the bounds on all wires of this process; calling it again changes nothing. */
export const guardWires = (): void => {
  if (guarded) return
  guarded = true
  guard()
}
