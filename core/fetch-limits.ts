// Bounds of `mirrorswarm fetch`. Every number has a reason.

const MiB = 1024 * 1024

/** One request: long enough that asking costs little, short enough that a failure costs little. */
export const fetchJobBytes = 8 * MiB
/** Below that a request costs more than it balances. */
export const fetchJobLeastBytes = 1 * MiB
/** Requests that each connection has at least, where the file is large enough. */
export const fetchJobsEach = 8
/** Requests at the same time, unless asked otherwise. */
export const fetchConnections = 4
/** A source that failed so often in a row is left alone; the origin gets three times as many. */
export const fetchFailures = 3
/** The longest wait before a source that failed is asked again. */
export const fetchWaitMostMs = 10_000
/** A source slower than the best by this factor is replaced. */
export const fetchSlowPart = 8
/** How long a request is not judged by its rate. */
export const fetchPatienceMs = 3_000
/** How long an answer may pause. */
export const fetchTimeoutMs = 20_000
/** A volunteer's answer is at most two redirects away; more is a circle. */
export const fetchRedirects = 6
/** Pieces of a file whose hashes are not known: only their size matters. */
export const fetchPlainPieceBytes = 4 * MiB
/** The metainfo of a file: 20 bytes a piece. */
export const fetchMetainfoBytes = 64 * MiB
/** A .netrc larger than this is none. */
export const netrcBytes = 1 * MiB
