// The bounds of the search for local bytes that a delta can start from; with units and reasons, as
// core/limits.ts has the others.

const KiB = 1024
const MiB = 1024 * KiB

/** What the index of anchors may take on disk, beside 20 MiB of log: 3 TB in 2.2 million files. */
export const anchorIndexBytes = 176 * MiB
/** Rows of it that are read or written in one step: a few milliseconds. */
export const anchorIndexRowsAtOnce = 256
/** Anchors (about 150 bytes each in memory) that wait for being brought into its rows. */
export const recentAnchorEntries = 65_536
/** Sketches of contents that are written to disk together. */
export const unsavedSketches = 256
/** Contents that are gone but still in its rows; then all rows are rewritten. */
export const droppedContentsKept = 65_536
/** Of these, so many are forgotten in one step: about a millisecond. */
export const droppedForgottenAtOnce = 256
/** A memory on disk that is of no use again soon after it was begun anew rests so long, … */
export const cachePauseFirstMs = 60_000
/** … and twice as long each time, up to this. */
export const cachePauseMostMs = 3_600_000
/** An index of anchors that was lost is filled again by reading held files at this rate. */
export const basisFillBytesPerSecond = 32 * MiB
/** Held files that are looked at as relatives of one wanted content by their names. */
export const relativesLookedAt = 256
/** Paths of a wanted content by which relatives are looked for. */
export const basisPaths = 8
/** Held files that are scanned because of their names; fewer where the bytes are compressed. */
export const basesByName = 4
export const compressedBasesByName = 2
/** Held files that are scanned because of their anchors: an image has thousands of packages. */
export const basesByAnchors = 4096
/** Smaller files are no basis: fetching is as quick as looking. */
export const basisFloorBytes = 4 * KiB
/** Bytes scanned for one content: this, and so many times its size. */
export const basisScanBytes = 64 * MiB
export const basisScanTimes = 8
/** A list of anchors (0.15 % of the content) is asked for from this size on. */
export const anchorListFloorBytes = 1 * MiB
/** … up to this one: 2.5 million anchors are some 500 MB while they are looked up. */
export const anchorListCeilingBytes = 8 * 1024 * MiB
/** Families of contents of which it is remembered that nothing matched (about 30 bytes each). */
export const rememberedFamilies = 50_000
/** After many failures a family is tried once in so many times. */
export const familySkipsMost = 64
/** Contents of which it is remembered whether a basis was found by name. */
export const rememberedByName = 1024
