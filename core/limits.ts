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
/** One that nobody read or wrote for this long is closed: a deleted image gives its space back. */
export const idleFileMs = 30_000
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
/** By how much an origin's old objects grow between collections. */
export const heapGrowingPercent = 60
/** A start that took this much is followed by one collection; a small network's takes a third of it. */
export const startGarbageBytes = 128 * MiB
/** Longer paths are looked up each time, so that made-up ones cannot fill that memory. */
export const lookupKeyCharacters = 512
/** As much of a User-Agent or Range is remembered of a client. */
export const rememberedHeaderCharacters = 200
/** Events kept in the log behind the newest state picture, for those who resume. */
export const retainedEvents = 100_000
/** Attempts to hash a file that changes while it is read. */
export const hashAttempts = 3
/** Buffer in which files are read for hashing and serving. */
export const readBufferBytes = 1 * MiB
/** What a rate limit lets pass at once after a pause: this long at its rate. */
export const rateBurstMs = 100
/** Bytes that one who waits for a rate is given in its turn: a block of the swarm. */
export const rateTurnBytes = 16 * KiB
/** The part of a rate's burst that the swarm leaves to clients that are being served. */
export const clientReserve = 0.5
/** A client that asked so recently is being served: it will ask again once its bytes are sent. */
export const activeClientMs = 1_000
/** Volunteers that a client is sent to for one path before the origin serves it itself. */
export const repeatVolunteers = 2
/** The same client asking for the same path within this time was probably not served well. */
export const repeatWindowMs = 60_000
/** The same for the largest files, whose downloads fail later. */
export const repeatWindowMostMs = 900_000
/** Places for pairs of client and path to recognise repeats (44 bytes each); a power of two. */
export const repeatSlots = 2 ** 18
/** A client stays with its volunteer this long at most, so that connections are reused. */
export const stickyMs = 20_000
/** Places for clients and the volunteers they stay with (20 bytes each); a power of two. */
export const stickySlots = 2 ** 16
/** Clients whose volunteer, and whose snapshot of a Release, is remembered. */
export const rememberedClients = 20_000
/** What a redirect costs a volunteer besides the bytes: a connection and headers. */
export const redirectCostBytes = 4 * KiB
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
/** A volunteer that clients came back from is probed at most this often. */
export const suspectAgainMs = 15_000
/** Volunteers whose reachability is probed at the same time. */
export const concurrentProbes = 8
/** Links to volunteers in one answer's headers (each costs about 300 bytes). */
export const duplicateLinks = 3
/** Entries of one directory page; the page links to the next one. */
export const directoryPageEntries = 5_000
/** Directory pages that the origin remembers. */
export const rememberedPagesBytes = 16 * MiB
/** Entries read from the manifest at a time while a list of a folder is sent. */
export const listSliceEntries = 500
/** Torrents of single files that were handed out and may be announced; the oldest are forgotten. */
export const knownTorrents = 100_000
/** How long the root key's word for the online key holds; renewed with every head. */
export const certificateLifetimeMs = 30 * 24 * 3_600_000
/** A request that has not arrived completely in this time is dropped (slow announces included). */
export const receiveTimeoutMs = 120_000
/** Progress of a publish is reported this often. */
export const progressReportMs = 200
/** Publishes that may wait for the one that is under way. */
export const waitingPublishes = 4
/** While stopping, connections that became idle are closed this often. */
export const idleCloseMs = 50
/** How long stopping may take before connections are cut. */
export const stopGraceMs = 5_000
/** The end of a child program's output that the demo, tests and benches remember. */
export const keptOutputBytes = 256 * KiB
/** An inflated announce larger than this is hostile: 40 million contents take 7 MiB. */
export const announceInflatedBytes = 16 * MiB
/** A volunteer leaves at least this between two announces, whatever it is told. */
export const announceGapMs = 50
/** And this when a long poll was answered early although there was no news. */
export const earlyAnswerPauseMs = 1000
/** Containers of 65,536 content numbers in one volunteer's holdings (67 million contents). */
export const holdingsContainers = 1024
/** Ranges added or removed in one container's change; beyond it the bitmap is shorter. */
export const holdingsRanges = 1024
/** Holdings that a volunteer remembers as sent but not acknowledged; beyond it sends full state. */
export const holdingsHistory = 8
/** Contents whose requests the origin counts; the least requested half is forgotten beyond it. */
export const countedContents = 20_000
/** The most requested contents that volunteers with a quota are told of. */
export const popularContents = 1000
/** How often that list is made anew. */
export const popularityRefreshMs = 600_000
/** Patterns of --include, and of --exclude, that an announce names; beyond them it names none. */
export const announcedPatterns = 64
/** Torrents whose progress one announce carries: several times activeDownloads. */
export const announcedTorrents = 64
/** Reasons (a line for people each) in one announce. */
export const announcedReasons = 16
/** Peers handed out for one torrent in one answer. */
export const peersPerHandout = 50
/** Read buffer of a client whose rate is limited, and the next smaller one for others. */
export const slowReadBufferBytes = 64 * KiB
/** Read buffers of all answers together; beyond it every transfer gets the smallest. */
export const readBudgetBytes = 64 * MiB
/** Read buffers kept for the next answer: making new ones makes V8 collect garbage all the time. */
export const idleReadBuffers = 8
/** Clients below this get the small buffers: larger ones would only wait in memory. */
export const slowClientBytesPerSecond = 8 * MiB
/** A client that takes no byte for this long is cut off (nginx waits as long). */
export const stalledClientMs = 60_000
/** Parts of one multipart answer: as many as librepo asks for at once; more get the whole file. */
export const rangesPerAnswer = 256
/** Ranges that one header may list before they are merged; more are ignored. */
export const rangeSpecsPerHeader = 1024
/** Larger files are not copied into the data folder whatever their name: the disk would be doubled. */
export const keptLargestBytes = 1024 * MiB
/** How long a connection waits for another one's write to a database. */
export const databaseBusyMs = 5_000
/** Free pages that one step gives back to the file system: other writers wait tens of milliseconds at most. */
export const vacuumPages = 250
/** Pages that one connection to a manifest keeps in memory. */
export const databaseCacheKiB = 8 * KiB
/** Range requests to the origin under way for the swarm: one per outgoing connection. */
export const originRequests = 8
/** Bytes asked of the origin and not arrived, which may have to be kept in memory. */
export const originInFlightBytes = 64 * MiB
/** Bytes of complete pieces that wait for being hashed and written; beyond it nothing is fetched. */
export const unwrittenBytes = 24 * MiB
/** Local bytes between two missing runs that are fetched too: a request costs about as much. */
export const coalescedGapBytes = 64
/** Bytes that one request for runs asks of the origin: it is read by one answerer in one go. */
export const originBatchBytes = 4 * MiB
/** Runs in one such request (about 8 bytes each in its body). */
export const originBatchRuns = 20_000
/** Such requests under way at once: an origin answers four at a time to one volunteer. */
export const originBatches = 2
/** Runs of several pieces are gathered this long, so that they travel together. */
export const originGatherMs = 5
/** Bytes of runs asked of the origin at once while peers may bring some of them. */
export const originSharedBytes = 8 * MiB
/** Fetched parts of a piece that are written one by one; a piece with more is written whole. */
export const sparseWrites = 16
/** Members whose local bytes are looked for at the same time. */
export const concurrentPrefills = 4
/** A search that takes longer lends its place, so that members without a basis need not wait. */
export const slowPrefillMs = 250
/** Searches under way at most, lent places included. */
export const mostPrefills = 16
/** Runs of local bytes recorded of one unfinished member (12 bytes each); later ones are fetched. */
export const coverageRuns = 1_000_000
/** At the start the origin is not asked for so long, unless it is known who else downloads. */
export const firstShareGraceMs = 1_000
/** And so long while connections to peers that the tracker named are being made. */
export const firstContactMs = 5_000
/** A volunteer that has got next to nothing for so long helps with others' shares. */
export const originStealMs = 1_500
/** Time between two looks at what has come counts for at most this much. */
export const intakeStepMs = 400
/** Less than this from all peers together is next to nothing. */
export const starvingBytesPerSecond = 16 * KiB
/** A volunteer says this often what it fetches from the origin, even if nothing has changed. */
export const sharePulseMs = 2_000
/** A connected volunteer that has said nothing for so long is not counted on. */
export const ownerSilenceMs = 10_000
/** Of two connections with the same volunteer one is ended: only later its end means that it left. */
export const ownerGoneMs = 500
/** A piece that somebody says to be fetching for longer is not waited for. */
export const claimMs = 60_000
/** Pieces that one volunteer may say to be fetching at once. */
export const claimedPieces = 1024
/** News of pieces are gathered this long for one write to each peer. */
export const pieceNewsMs = 50
/** Starving for so long: what peers offer, or say to be fetching, is asked of the origin too. */
export const peerSilenceMs = 5_000
/** Pause after the origin's first failure; doubled by each further one. */
export const originRetryMs = 500
/** The longest pause between two attempts at the origin that it did not ask for itself. */
export const originRetryCeilingMs = 60_000
/** The origin may ask for a longer pause, but not for ever. */
export const retryAfterCeilingMs = 3_600_000
/** Contents that the origin could not give and is not asked for at the moment. */
export const pausedContents = 4096
/** A block that was asked for and has not come for so long is asked of another peer. */
export const stalledBlockMs = 10_000
/** Blocks asked of one peer at once (16 KiB each): 4 MiB cover 100 ms at 40 MiB/s. */
export const outstandingBlocks = 250
/** Blocks that one peer may have asked of us; more ends the connection. */
export const queuedBlockRequests = 512
/** The longest request between volunteers. */
export const swarmRequestBytes = 256 * KiB
/** A request to a peer asks for what it sends in this time, so that a slow one can be given up. */
export const requestAheadMs = 500
/** Requests wait for the upload limit in slices, so that clients get in between. */
export const limitedSliceBytes = 16 * KiB
/** Shorter messages to a peer are gathered for one write; longer ones would be copied by that. */
export const gatheredWriteBytes = 8 * KiB
/** Messages from here on are not gathered, if they are blocks: they are put where they belong. */
export const placedBlockBytes = 4 * KiB
/** Large buffers of the swarm that wait for being used again, all together. */
export const pooledBytes = 16 * MiB
/** Larger ones are not kept: a single one would take most of the room. */
export const pooledBufferBytes = 4 * MiB
/** A message of the peer protocol: a block of 256 KiB or a bitfield of 2 million pieces. */
export const wireMessageBytes = swarmRequestBytes + KiB
/** Bytes from a peer that nobody asked for (any more); more ends the connection. */
export const unrequestedWireBytes = 8 * MiB
/** Pieces that a peer refuses although it claims to have them; more ends the connection. */
export const refusedPieces = 64
/** Connections that others make to one torrent here. */
export const incomingPeersPerTorrent = 50
/** Connections to peers, incoming and outgoing, over all torrents. */
export const swarmConnections = 512
/** Connections whose other end has not shown its key; beyond it the oldest of them is closed. */
export const unprovenConnections = 128
/** A TLS handshake between volunteers that takes longer is given up. */
export const peerHandshakeMs = 5_000
/** Torrents being looked up because a peer asked for them. */
export const concurrentBundleLoads = 16
/** A connection of no interest to either side is closed after this time. */
export const idleWireMs = 30_000
/** A torrent that nobody uses is closed after this time. */
export const idleTorrentMs = 60_000
/** How often the swarm looks after downloads: patience, stalls, peers to try again. */
export const swarmTickMs = 200
/** How often it looks after torrents that only wait for others. */
export const idleSwarmTickMs = 5_000
/** Pause before a peer that could not be reached is tried again; doubled each time. */
export const peerRetryMs = 1_000
/** The longest such pause. */
export const peerRetryCeilingMs = 60_000
/** Peers remembered as having sent bad pieces. */
export const bannedPeers = 1024
/** How long they are avoided. */
export const banMs = 600_000
/** Complete members that are being checked and put in place at once. */
export const concurrentHandovers = 4
/** How often a held file's size and time are compared while it is being sent. */
export const heldFileCheckMs = 1_000
/** Paths of one content that are looked at by default (an empty file may have thousands). */
export const pathsOfContent = 1000
/** Characters of a volunteer's public URL. */
export const volunteerUrlCharacters = 2048
/** Characters of the base64 of a volunteer's link key (32 bytes need 44). */
export const linkKeyCharacters = 128
/** Snapshots whose differences a head names at least as long as they are the newest. */
export const chainSteps = 64
/** A --config file larger than this is not one. */
export const configFileBytes = 1 * MiB
/** What still holds the process open after a command has ended may do so this long. */
export const exitGraceMs = 5_000
/** Sessions of a volunteer remembered as replaced, so that late announces of theirs are refused. */
export const retiredSessions = 8
/** The tracker looks for volunteers that went away this often. */
export const livenessSweepMs = 250
/** Time that passes between two such looks counts for at most this much towards "offline". */
export const livenessStepMs = 1000
/** Pause before a file that changed while it was read is read again. */
export const hashRetryMs = 100
/** File times move in ticks of a few milliseconds: a file changed so shortly before is read again. */
export const youngFileMs = 20
/** Announces of one volunteer that may wait for each other; an honest one has two under way. */
export const pendingAnnounces = 16
/** News of peers are gathered this long before those who wait are told. */
export const peerNewsDelayMs = 200
/** Events (each of their containers counts too) after which the state is saved as a picture. */
export const pictureEvents = 5000
/** Events read from the log at once when the state is restored. */
export const logPageEvents = 1000
/** Members of one bundle that a manifest may name; each has a piece of its own at least. */
export const bundleMembers = 16_384
/** New contents that are planned into bundles together; more would make fewer, fuller bundles. */
export const bundleCandidates = 8192
/** Sets of volunteers whose wishes get bundles of their own; more would be too many swarms. */
export const demandGroups = 16
/** What such a set must want in common at one publish to be worth swarms of its own. */
export const leastDemandBytes = 16 * MiB
/** New bundles after which the small ones are counted; each look reads all bundles' members. */
export const bundlesBetweenLooks = 32
/** Piece hashes of those contents in memory. */
export const bundleCandidatePieceBytes = 16 * MiB
/** Records of a manifest part that are read before others may run. */
export const recordsBetweenPauses = 2000
/** How long a signed head is valid; the origin signs it again when half of that is over. */
export const headLifetimeMs = 7 * 24 * 3_600_000
/** Parts that one list of a head may name: a manifest of 64 GiB. */
export const headParts = 32_768
/** Files that one Release or repomd.xml may name; Debian's names about 2,000. */
export const namedFiles = 200_000
/** A Release or repomd.xml larger than this is something else. */
export const indexFileBytes = 16 * MiB
/** How long the files that a new Release names are awaited before they count as left out. */
export const incompleteGraceMs = 10 * 60_000
/** Files and bytes that a hashing thread gets at once. */
export const hashBatchFiles = 256
export const hashBatchBytes = 8 * MiB
/** Hashed files are recorded when there are this many, or this long after the last time. */
export const hashRecordFiles = 500
export const hashRecordMs = 500
/** Warnings of one publish that are given in full; all are counted. */
export const publishWarnings = 1000
/** Metainfo files that are written at the same time. */
export const objectWrites = 8
/** Below this, differences are never worth a new checkpoint. */
export const checkpointFloorBytes = 64 * KiB
/** Folders that are watched for marker files; others are noticed by the scan. */
export const watchedFolders = 4096
/** Torrents whose stock BitTorrent clients are remembered; the least used is forgotten first. */
export const stockSwarms = 2000
/** Stock clients remembered for one torrent (about 500 bytes each). */
export const stockPeersPerSwarm = 100
/** A stock client that has not announced for this long is forgotten: two intervals of 10 minutes. */
export const stockPeerTtlMs = 20 * 60_000
/** How often those are looked for. */
export const stockSweepMs = 60_000
/** Young generation of the publishing thread: a publish makes much short-lived garbage. */
export const publisherYoungMiB = 6
/** Its whole heap; a publish works in SQL and needs a tenth of this at 100,000 files. */
export const publisherHeapMiB = 512
/** Wanted chunks that one search for them takes at once: about 45 MiB of table. More take turns. */
export const matchedChunksAtOnce = 2 ** 20
/** Searches that wait for a thread; a volunteer prefills a few contents at a time. */
export const waitingMatches = 64
/** JavaScript heap of one matching thread: the places of 2^20 chunks need 30 MiB beside it. */
export const matchHeapMiB = 64
/** A matching thread that has had nothing to do for this long ends. */
export const idleMatchThreadMs = 20_000
/** After a search for so many chunks (5 MiB of table) its thread ends: memory never shrinks. */
export const largeMatchChunks = 2 ** 17
/** JavaScript heap of one hashing thread; a batch and its hashes need a few MiB. */
export const hashHeapMiB = 64
/** How long a command waits for the origin to publish: the first hashing of a large tree. */
export const publishAnswerMs = 24 * 3_600_000
/** A request that was signed longer ago, or ahead, on the origin's clock is refused as a repeat. */
export const requestSkewMs = 5 * 60_000
/** How long systemd-notify may take to reach the service manager. */
export const serviceNotifyMs = 10_000
/** How long a backup waits for another process that holds a database. */
export const backupLockMs = 30_000
