// How synchronisation fares in the network as a whole, as the tracker sees it.

/** All torrents that volunteers download, together. */
export interface SwarmHealth {
  readonly torrents: number
  /** Each of a torrent by a volunteer. */
  readonly downloads: number
  /** Torrents that no volunteer has wholly. */
  readonly unseeded: number
  /** Pieces of all downloads, and those that are there. */
  readonly wanted: number
  readonly had: number
}
