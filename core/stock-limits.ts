// Bounds of what the origin gives to ordinary BitTorrent clients, and to volunteers when its upload is
// limited. As in core/limits.ts, each with its unit and reason.

const KiB = 1024

/** Where stock clients connect unless told otherwise: the port that BitTorrent is known by. */
export const bittorrentPort = 6881
/** Connections of stock clients at once; each may have a quarter MiB on its way. */
export const seedConnections = 256
/** Of those, of one address (of one /64 in IPv6): a classroom behind one address has some room. */
export const seedConnectionsEach = 16
/** A handshake is 68 bytes: who takes longer to send it is disconnected. */
export const seedHandshakeMs = 10_000
/** The longest message that a stock client has reason to send: a bitfield of half a million pieces. */
export const seedMessageBytes = 64 * KiB
/** The longest block that is sent; clients ask for 16 KiB, some old ones for more. */
export const seedRequestBytes = 128 * KiB
/** Bytes on their way to one client; nothing is read from the disk for it beyond that. */
export const seedUnsentBytes = 256 * KiB
/** A request for a part of an info dictionary is some thirty bytes. */
export const metadataRequestBytes = 256
/** How often one connection gets an info dictionary: parts of it may be asked for again once or twice. */
export const metadataTimes = 2
/** Refusals (17 bytes each) that a client has not read; more ends the connection. */
export const seedUnreadBytes = 512 * KiB
/** A client that takes less than a few blocks in this time, though the origin would send, must go. */
export const seedWindowMs = 60_000
export const seedWindowBytes = 64 * KiB
/** How often that is looked after, and files that nobody reads are closed. */
export const seedLookMs = 10_000
/** Torrents whose layout is remembered, and members of all of them together (about 200 bytes each). */
export const seedTorrents = 256
export const seedTorrentMembers = 65_536
/** An info dictionary counts as so many members. */
export const seedTorrentMemberBytes = 200
/** How long a layout, and which of its files were found changed, is remembered. */
export const seedTorrentMs = 5 * 60_000
/** Files open for stock clients. */
export const seedFiles = 64
/** Addresses of the public host that are told as the origin's; more would crowd out other peers. */
export const seedAddresses = 4
/** How often the public host's name is looked up anew. */
export const seedAddressMs = 10 * 60_000
/** Under an upload limit so few volunteers' reads are answered at once that each gets this rate … */
export const leastSyncBytesPerSecond = 16 * KiB
/** … but as many as this: one volunteer has 8 under way. */
export const leastSyncAnswers = 32
