// bittorrent-protocol trusts the other side: it takes messages of 2 GiB and lets an odd one throw out
// of the stream, which would end the process. This sets bounds for every wire, once and for all;
// who breaks one is disconnected. Blocks that were asked for are put where they belong as they come.

import Wire, { type BlockRequest } from 'bittorrent-protocol'
import { placedBlockBytes, unrequestedWireBytes, wireMessageBytes } from '../core/limits.ts'

/** The wire to the origin is inside this process and carries whole pieces. */
const isOwn = (wire: Wire): boolean => wire.type === 'webSeed' || wire.type === 'origin'

const unrequested = new WeakMap<Wire, number>()

/** Blocks were cancelled that may be on their way: they are not held against the peer. */
export const expectLate = (wire: Wire, bytes: number): void => {
  unrequested.set(wire, (unrequested.get(wire) ?? 0) - bytes)
}

/** A block on its way, of a request that says where it is to be put. */
interface Arriving {
  readonly request: BlockRequest
  readonly into: Uint8Array
  filled: number
}

const arriving = new WeakMap<Wire, Arriving>()

/** Id, piece and offset. */
const blockHeadBytes = 9

/** Put more of the block in its place; what follows it is returned. */
const place = (wire: Wire, block: Arriving, data: Uint8Array): Uint8Array => {
  const { request, into } = block
  const part = data.subarray(0, into.length - block.filled)
  // A request that has been taken back has no place any more: others may be writing there.
  const isWanted = wire.requests.includes(request)
  if (isWanted) into.set(part, block.filled)
  block.filled += part.length
  if (block.filled === into.length) {
    arriving.delete(wire)
    wire._parse(4, wire._onMessageLength)
    const { piece, offset } = request
    if (isWanted) wire._onPiece(piece, offset, into)
    else {
      countUnrequested(wire, into.length)
      wire.emit('piece', piece, offset, new Uint8Array(into.length))
    }
  }
  return data.subarray(part.length)
}

const countUnrequested = (wire: Wire, more: number): void => {
  const bytes = (unrequested.get(wire) ?? 0) + more
  unrequested.set(wire, bytes)
  if (bytes > unrequestedWireBytes) throw new Error('blocks that nobody asked for')
}

/** The head of a long message has come: if it is a block with a place, it goes there. */
const beginBlock = (wire: Wire, head: Uint8Array, length: number): boolean => {
  if (head[0] !== 7) return false
  const view = new DataView(head.buffer, head.byteOffset, blockHeadBytes)
  const piece = view.getUint32(1)
  const offset = view.getUint32(5)
  const request = wire.requests.find(
    each => each.piece === piece && each.offset === offset && each.length === length,
  )
  if (request?.into === undefined) return false
  arriving.set(wire, { request, into: request.into(), filled: 0 })
  return true
}

const guard = (): void => {
  const { _write, _onMessageLength, _onHave, _onPiece } = Wire.prototype
  // Texts that nobody reads, put together for each message.
  Wire.prototype._debug = () => undefined

  const take = (wire: Wire, data: Uint8Array): void => {
    for (let rest = data; rest.length > 0; ) {
      const block = arriving.get(wire)
      if (block !== undefined) {
        rest = place(wire, block, rest)
        continue
      }
      // A long message is put together once it is complete, not at each part of it.
      if (wire._buffer.length > 0 && wire._bufferSize + rest.length < wire._parserSize) {
        wire._bufferSize += rest.length
        wire._buffer.push(rest)
        return
      }
      _write.call(wire, rest, error => {
        if (error !== null) throw error
      })
      if (!arriving.has(wire)) return
      rest = wire._buffer[0] ?? new Uint8Array(0)
      wire._buffer = []
      wire._bufferSize = 0
    }
  }

  Wire.prototype._write = function (data, done): void {
    let failure: Error | null = null
    try {
      take(this, data)
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
    if (length < placedBlockBytes) {
      _onMessageLength.call(this, data)
      return
    }
    this._parse(blockHeadBytes, head => {
      const left = length - blockHeadBytes
      if (beginBlock(this, head, left)) this._parse(Number.POSITIVE_INFINITY, () => undefined)
      else this._parse(left, rest => this._onMessage(Buffer.concat([head, rest])))
    })
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
    if (!asked) countUnrequested(this, data.length)
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
