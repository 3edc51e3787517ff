// Bounds of a volunteer's own work: its disk, its loop, its announces. See limits.ts for the rest.

const MiB = 1024 * 1024

/** How often a volunteer that serves clients looks whether the swarm leaves it time for them. */
export const courtesyTickMs = 100
/** A thread that is busy for a greater part of the time has none to spare. */
export const busyUtilization = 0.85
/** The swarm is never held to less: a synchronisation goes on however many clients there are. */
export const courtesyFloorBytesPerSecond = 1 * MiB
/** Nor to more: no volunteer's thread does that much. */
export const courtesyMostBytesPerSecond = 512 * MiB
/** This long after the last client the swarm is held to nothing. */
export const courtesyRelaxMs = 2_000
/** First wait of a volunteer before it tries again what failed; doubled with each failure. */
export const backoffFirstMs = 1_000
/** The longest such wait: an origin that comes back is noticed within this time. */
export const backoffMostMs = 60_000
/** Announces while synchronising come this often, and holdings changes never more often. */
export const busyAnnounceMs = 500
/** An origin that asks for longer intervals between announces is not followed. */
export const announceIntervalMostMs = 3_600_000
/** The least time between two announces, however much happens. */
export const announceSpacingMs = 100
/** Rows that a volunteer reads or writes in one database step before others get their turn. */
export const workSliceRows = 500
/** Files hashed at the same time while a folder is adopted or contents are put in place. */
export const placementWorkers = 2
/** Files put in place whose folders are flushed, and which are recorded, together. */
export const placementBatch = 64
/** Attempts to clear a path that others fill again meanwhile. */
export const placementAttempts = 3
/** Blocked paths that are named in the status; all of them are counted. */
export const namedBlockedPaths = 100
/** Retired files that are deleted before their time at one look, while transfers wait for space. */
export const deletedForRoom = 32
/** Disk space is looked at this often while something is fetched or waited for. */
export const spaceCheckMs = 2_000
/** All files of a mirror are compared (size, time, inode) with the record this often. */
export const recheckMs = 3_600_000
/** The metainfo of one bundle: 20 bytes a piece and about 150 a member, with room to spare. */
export const metainfoBytes = 16 * MiB
/** Rates of traffic are sampled this often. */
export const loadSampleMs = 500
/** Whether the owner's hours have begun or ended is looked at this often. */
export const hoursCheckMs = 1_000
/** Old snapshots of the manifest are forgotten this often: some minutes' worth of changes are few. */
export const manifestPruneMs = 3_600_000
/** Ended entries that are forgotten in one transaction: some milliseconds, so that clients do not wait for it. */
export const forgottenAtOnce = 50
/** Between two of them clients and the swarm have the thread, so many times as long as it took. */
export const forgettingPauseFactor = 10
/** The loop of a volunteer looks around at least this often, whatever the clocks do meanwhile. */
export const syncWakeMs = 60_000
/** How long the goodbye announce may take when a volunteer stops. */
export const goodbyeMs = 1_000
/** Names of a folder shown to the department's machines in one page. */
export const folderPageEntries = 10_000
