// webtorrent's torrent without what it does by itself: it looks for nobody, chokes nobody, connects to
// nobody and checks no files. What is left keeps the connections and speaks the protocol.

import Torrent from 'webtorrent/lib/torrent.js'

export class QuietTorrent extends Torrent {
  override _processParsedTorrent(parsed: object): void {
    if (parsed !== this) Object.assign(this, parsed)
  }

  override _startDiscovery(): void {
    // Peers come from the tracker's answers alone.
    this.discovery = {
      complete: () => undefined,
      destroy: (done: (error: Error | null) => void) => done(null),
    }
  }

  override _rechoke(): void {
    // Nobody is choked.
  }

  override _checkDone(): boolean {
    return false
  }

  override _drain(): void {
    // Connections are begun by PeerLinks.
  }
}
