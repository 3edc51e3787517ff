// Bounds of how files at mirrors that do not run our daemon are looked at. Every number has a reason.

const KiB = 1024
const MiB = 1024 * KiB
const hourMs = 3_600_000

/** Up to this size a first look fetches a file whole and compares its SHA-256. */
export const wholeLookBytes = 1 * MiB
/** A random part of a file, from a chunk's beginning: four chunks, which the manifest can tell. */
export const rangeLookBytes = 256 * KiB
/** The first and the last bytes, where truncated and appended files differ. */
export const edgeLookBytes = 64 * KiB
/** What one look adds to the part of a large file that was compared, beginning to end. */
export const segmentLookBytes = 8 * MiB
/**
 * A proof counts no longer; from half of this age on it is renewed. In this time five looks a second
 * are three million: as many files as a large repository has. A mirror that goes wrong in the
 * meantime is found out by the first client that comes back.
 */
export const proofAgeMs = 7 * 24 * hourMs
/** A file that was not there is looked for again after this time, each time twice as long. */
export const absentFirstMs = 600_000
export const absentMostMs = 24 * hourMs
/** Between two requests to one mirror: five a second are fewer than one apt client makes. */
export const lookSpacingMs = 200
/** Of one mirror, on average: what is left of an hour is its clients'. */
export const lookBytesPerSecond = 1 * MiB
/** One request may take so long: the largest part at a quarter of that rate. */
export const lookDeadlineMs = 60_000
/**
 * Contents that one step passes over: those that need to be looked up take 10 to 50 µs each,
 * those that are known to be held a few hundredths of one.
 */
export const walkedContents = 128
export const passedContents = 16_384
/** Between two steps that only walked: with the above no mirror takes a tenth of a processor. */
export const walkPauseMs = 100
/** All contents are walked over again after this time: paths may come back that had gone. */
export const walkAgainMs = 24 * hourMs
/** Parts of the walk that are kept apart; beyond it all is walked over. */
export const walkRanges = 16
/** What one step of putting memory and disk in order takes: some ten milliseconds at most. */
export const tendedRows = 1_000
export const tendedContents = 8_192
/** How often proofs that grew too old are looked for. */
export const expireMs = 60_000
/** The contents asked for last that mirrors are looked at first for. */
export const popularLooks = 1_000
/** Of these, one step asks so many of a mirror: each is a look into the database. */
export const popularTried = 32
/** Contents whose proofs are in doubt, at most: one client that comes back is enough for each. */
export const suspectedContents = 64
/** Steps of a mirror that has nothing to do. */
export const idleLookMs = 1_000
/** How often at most new proofs are announced; lost ones are at once. */
export const proofAnnounceMs = 2_000
/** After a look an unfinished file waits this long for its next segment at least. */
export const segmentSpacingMs = 10_000
/** After a look whose bytes could not be compared. */
export const untoldAgainMs = 3_600_000
/** Looks in a row without an answer, after which a mirror counts as unreachable. */
export const unansweredLooks = 2
/** Paths of one content that are tried in turn. */
export const pathsTried = 8

/** After so many files in a row that were not there, a mirror is asked more rarely. */
export const absentInRow = 50
export const absentSpacingMs = 5_000
/** How long a mirror that does not answer, or asks for it, is left alone: at first, and at most. */
export const pauseFirstMs = 5_000
export const pauseMostMs = 600_000
export const busyFirstMs = 30_000
export const busyLeastMs = 10_000
export const busyMostMs = 1 * hourMs
