// Bounds of what clients are given while the repository changes: how long the snapshot of their update
// counts, and how long what was dropped stays. Each has the reason with it.

/** What is pruned was dropped at least so long ago where nobody says otherwise. */
export const defaultKeepMs = 30 * 24 * 3_600_000
/** Updates under way need their snapshot, and a volunteer may be loading an old one. */
export const leastKeepMs = 3_600_000
/** Copies that are looked up in one go when copies are pruned. */
export const keptPage = 1000
/** Snapshots in one answer: about 200 bytes each. */
export const snapshotsListed = 1000
/**
 * What the repository dropped stays available this long where nobody says otherwise: clients that
 * fetched an index may use it for a day.
 */
export const defaultGraceMs = 24 * 3_600_000
/** An update that began with the Release of a snapshot is given its indexes for this long. */
export const snapshotPinMs = 600_000
/**
 * Two clients behind one address may look the same: for this long, which an update rarely exceeds,
 * a connection is given what goes with the Release that was sent on it.
 */
export const connectionPinMs = 60_000
/** Repositories that one connection is remembered for: a client has one or two on a host. */
export const pinsPerConnection = 16
