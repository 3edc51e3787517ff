// Every bound of a queue, cache, map or retry, with its unit and reason. A number that is not here
// is either an option of the user's or a constant of a protocol.

const KiB = 1024
const MiB = 1024 * KiB

/** Below this a redirect costs more than the file: the origin serves it itself. */
export const redirectFloorBytes = 4 * KiB
/** Kept copies up to this size live in the database, larger ones as files of their own. */
export const keptInlineBytes = 64 * KiB
/** A request path longer than this is refused (4 × the longest path Linux takes). */
export const requestPathBytes = 16 * KiB
/** Symlinks followed in one lookup, as Linux does (ELOOP). */
export const symlinkDepth = 40
/** One part of a manifest on the wire; what a volunteer accepts is checked against it. */
export const manifestSegmentBytes = 4 * MiB
/** An inflated manifest part larger than this is hostile. */
export const manifestSegmentInflatedBytes = 64 * MiB
/** Body of one announce: full holdings of 40 million contents, gzipped, fit. */
export const announceBodyBytes = 8 * MiB
/** A remote JSON answer (head, enrolment, announce) larger than this is refused. */
export const remoteAnswerBytes = 16 * MiB
/** From here on a content is a torrent of its own. */
export const loneTorrentBytes = 32 * MiB
/** Sum of the members' sizes that a bundle aims at. */
export const bundleTargetBytes = 128 * MiB
/** webtorrent scans pieces linearly, so a bundle has at most this many. */
export const bundlePieces = 2048
/** Torrents a volunteer downloads at the same time. */
export const activeDownloads = 8
/** Torrents that webtorrent has open at the same time; the least used is closed first. */
export const openTorrents = 64
/** Connections to peers per torrent (as Kraken). */
export const peersPerTorrent = 10
/** Files that the swarm keeps open for reading or writing. */
export const openSwarmFiles = 128
/** Outgoing HTTP connections to one host. */
export const outgoingConnectionsPerHost = 8
/** Waiting for headers of an answer that is not a long poll. */
export const requestTimeoutMs = 30_000
/** Announces that may be missed before a volunteer counts as offline. */
export const missedAnnounces = 3
/** A broken long poll without a new announce for this long means offline. */
export const brokenPollGraceMs = 1_500
/** Long polls that the origin holds at once. */
export const openPolls = 4096
/** Volunteers of one origin. */
export const volunteers = 4096
/** How long a signed link is valid, at least; expiries are rounded up so that links cache. */
export const linkLifetimeSeconds = 600
/** Resolved paths that the origin remembers (about 300 bytes each). */
export const lookupCacheEntries = 20_000
/** Events kept in the log behind the newest state picture, for those who resume. */
export const retainedEvents = 100_000
/** Attempts to hash a file that changes while it is read. */
export const hashAttempts = 3
/** Buffer in which files are read for hashing and serving. */
export const readBufferBytes = 1 * MiB
/** What a rate limit lets pass at once after a pause: this long at its rate. */
export const rateBurstMs = 100
/** Volunteers that a client is sent to for one path before the origin serves it itself. */
export const repeatVolunteers = 2
/** The same client asking for the same path within this time was probably not served well. */
export const repeatWindowMs = 60_000
/** The same for the largest files, whose downloads fail later. */
export const repeatWindowMostMs = 900_000
/** Client and path pairs remembered to recognise repeats (about 300 bytes each). */
export const repeatEntries = 50_000
/** A client stays with its volunteer this long, so that connections are reused. */
export const stickyMs = 60_000
/** Clients whose volunteer, and whose snapshot of a Release, is remembered. */
export const rememberedClients = 20_000
/** An update that began with the Release of a snapshot is given its indexes for this long. */
export const snapshotPinMs = 300_000
/** What a redirect costs a volunteer besides the bytes: connections, headers, one seek. */
export const redirectCostBytes = 64 * KiB
/** Files that the origin sends at the same time because no volunteer has them (default). */
export const directAnswers = 256
/** More of them for "?direct" and for what is never redirected: apt does not retry a 503. */
export const directReserve = 256
/** Reads by volunteers that the origin answers at the same time (8 for each of 128). */
export const syncAnswers = 1024
/** Retry-After of an answer that was refused for load or because the file is being changed. */
export const retryAfterSeconds = 5
/** Body of an enrolment or operator request. */
export const operatorBodyBytes = 16 * KiB
/** What a volunteer may answer to the origin's nonce: an Ed25519 signature is 86 characters. */
export const probeAnswerBytes = 1024
/** A volunteer that does not answer the nonce in this time cannot be reached. */
export const probeTimeoutMs = 5_000
/** Volunteers whose reachability is probed at the same time. */
export const concurrentProbes = 8
/** Links to volunteers in one answer's headers (each costs about 300 bytes). */
export const duplicateLinks = 3
/** Entries of one directory page. */
export const directoryPageEntries = 50_000
/** How long a signed head is valid; the origin renews it at half that age. */
export const headLifetimeMs = 7 * 24 * 3_600_000
/** How long stopping may take before connections are cut. */
export const stopGraceMs = 5_000
/** The end of a child program's output that the demo, tests and benches remember. */
export const keptOutputBytes = 256 * KiB
