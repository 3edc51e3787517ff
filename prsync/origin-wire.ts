// The origin as one more peer of a torrent: speaks the peer protocol inside this process, claims to
// have everything, and answers each request for a piece with one range request.

import Wire from 'bittorrent-protocol'
import type { LoadedBundle } from './bundle.ts'
import { placeOf } from './logic/layout.ts'
import type { OriginGate } from './origin-gate.ts'

/** The far end's name; the origin is known by no other here. */
const originPeerId = Buffer.from('-MSorigin-----------').toString('hex')

/** Is this our end of a connection to the origin? */
export const isOrigin = (wire: Wire): boolean => wire.type === 'webSeed'

export class OriginWire extends Wire {
  /** webtorrent knows web seeds by this name. */
  readonly connId = 'origin'
  readonly #bundle: LoadedBundle
  readonly #gate: OriginGate
  readonly #requests = new Map<string, AbortController>()

  constructor(bundle: LoadedBundle, gate: OriginGate) {
    super('origin')
    this.#bundle = bundle
    this.#gate = gate
    this.once('handshake', infoHash => {
      this.handshake(infoHash, originPeerId, { fast: true })
      this.haveAll()
    })
    this.once('interested', () => this.unchoke())
    this.on('request', (index, offset, length, respond) => {
      this.#answer(index, offset, length).then(
        data => respond(null, data),
        error => respond(error instanceof Error ? error : new Error(String(error))),
      )
    })
    this.on('cancel', (index, offset) => this.#requests.get(`${index} ${offset}`)?.abort())
    this.once('close', () => {
      for (const request of this.#requests.values()) request.abort()
    })
  }

  async #answer(index: number, offset: number, length: number): Promise<Uint8Array> {
    const place = placeOf(this.#bundle.layout, index)
    const member = this.#bundle.members[place.member]
    if (member === undefined) throw new Error(`no member has piece ${index}`)
    const key = `${index} ${offset}`
    const request = new AbortController()
    this.#requests.set(key, request)
    try {
      return await this.#gate.get(member.sha256, place.offset + offset, length, request.signal)
    } finally {
      if (this.#requests.get(key) === request) this.#requests.delete(key)
    }
  }
}
