// Which peers a downloader is told of, and which share of the pieces it asks the origin for.
// Finished holders go first, so that the origin's work ends as soon as somebody has everything
// (Kraken's "completeness" policy); within a rank chance spreads the load.

import type { Random } from '../../core/clock.ts'
import type { VolunteerName } from '../../core/ids.ts'
import { peersPerHandout } from '../../core/limits.ts'
import type { PeerAddress, TorrentShare } from '../messages.ts'

export interface HandoutPeer {
  readonly address: PeerAddress
  /** Holds all contents of the torrent. */
  readonly finished: boolean
  /** Whether the origin could reach it; the others are told last. */
  readonly reachable: boolean
}

const shuffled = <T>(items: readonly T[], random: Random): T[] => {
  const result = [...items]
  for (let index = result.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1))
    const moved = result[index] as T
    result[index] = result[other] as T
    result[other] = moved
  }
  return result
}

const rank = (peer: HandoutPeer): number => (peer.finished ? 0 : 1) + (peer.reachable ? 0 : 2)

/** Up to peersPerHandout of `peers`, without the asker itself. */
export const choosePeers = (
  asker: VolunteerName,
  peers: readonly HandoutPeer[],
  random: Random,
): PeerAddress[] =>
  shuffled(
    peers.filter(peer => peer.address.name !== asker),
    random,
  )
    .toSorted((a, b) => rank(a) - rank(b))
    .slice(0, peersPerHandout)
    .map(({ address, finished }) => ({ ...address, complete: finished }))

/** The asker's share among those who download, in the order of their names. */
export const shareOf = (
  asker: VolunteerName,
  downloaders: readonly VolunteerName[],
): TorrentShare => {
  const names = [...new Set([...downloaders, asker])].toSorted()
  return {
    index: names.indexOf(asker),
    count: names.length,
    names: names.slice(0, peersPerHandout),
  }
}
