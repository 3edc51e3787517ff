// Bounds of what is done for and by other programs: rsync and zsync. As in core/limits.ts, each with
// its unit and reason.

const KiB = 1024
const MiB = 1024 * KiB

/** .zsync files that the origin keeps; each takes about 0.3 % of its content. */
export const zsyncCacheBytes = 512 * MiB
/** .zsync files that are being made or wait for it; one thread makes them. */
export const zsyncWaiting = 16
/** Its JavaScript heap: it needs a few MiB. */
export const zsyncHeapMiB = 64
/** What a child program said last on standard error. */
export const keptErrorBytes = 4 * KiB
/** An rsync that hears nothing from its server for so long gives up (whole files are hashed there). */
export const rsyncSilenceSeconds = 600
/** How long it may take to connect. */
export const rsyncConnectSeconds = 30
/** After being told to end, rsync has this long before it is killed. */
export const rsyncKillMs = 5_000
/** Names that an rsync server lists, in memory before they are written to a file. */
export const listBufferBytes = 64 * KiB
/** Attempts to fill an empty mirror by rsync before it is left to the swarm. */
export const bootstrapAttempts = 4
/** After a pull from upstream that failed the next one follows after this time at most. */
export const upstreamRetryMs = 60_000
/** Of the log's events at once, however many they are: full holdings may take megabytes each. */
export const logPageCharacters = 8 * 2 ** 20
/** Of a picture of the state that is made in one turn of the event loop: a megabyte or so. */
export const pictureTurnContainers = 128
