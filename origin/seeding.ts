// Ties the port for stock BitTorrent clients to the rest of an origin: what it seeds, at which rate, and
// how the tracker names it. Holds no decision.

import { MirrorswarmError } from '../core/errors.ts'
import type { StockParts } from '../tracker/stock.ts'
import { originContents } from './content-source.ts'
import type { OriginContext } from './context.ts'
import type { OriginOptions } from './options.ts'
import { SeedAddresses } from './seed-addresses.ts'
import { type SeedListen, SeedListener } from './seed-listener.ts'
import { SeedTorrents } from './seed-torrents.ts'
import { findTorrentInfo } from './torrent-info.ts'

/** The port for stock BitTorrent clients; it does not listen yet. */
export const makeSeeding = (context: OriginContext): SeedListener => {
  const { bodies, torrents, limiter, logger, metrics } = context
  return new SeedListener({
    torrents: new SeedTorrents({
      reader: bodies.reader,
      torrents,
      contents: originContents(bodies),
      infoOf: (infoHash, content) => findTorrentInfo(bodies.reader, infoHash, content),
    }),
    onBytes: bytes => metrics.sent('bittorrent', bytes),
    ...{ limiter, logger },
  })
}

type Seeders = NonNullable<StockParts['seeders']>

/** Under which addresses the tracker names that port; nobody asks before there are announces. */
export const seedersAt = (seeding: SeedListener, publicUrl: string | null): Seeders => {
  let addresses: SeedAddresses | null = null
  return request => {
    const listening = seeding.address
    if (listening === null) return []
    addresses ??= new SeedAddresses({ publicUrl, listenHost: listening.host })
    const { port } = listening
    const { peerId } = seeding
    return addresses.of(request.socket.localAddress).map(ip => ({ ip, port, peerId }))
  }
}

/**
 * Where to listen; null: nowhere. BitTorrent clients cannot prove who they are, so the port stays
 * closed where clients have to. Throws MS_CONFIG_INVALID when it was asked for nevertheless.
 */
export const seedListenOf = (
  options: Pick<OriginOptions, 'bittorrentListen' | 'requireClients'>,
): SeedListen | null => {
  const { bittorrentListen: listen, requireClients } = options
  if (!requireClients || listen === null) return listen
  if (listen.orAnyPort) return null
  throw new MirrorswarmError(
    'MS_CONFIG_INVALID',
    'BitTorrent clients cannot prove who they are: --bittorrent-listen does not go with --require-clients',
  )
}
