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
/** A proof counts no longer; from half of this age on it is renewed. */
export const proofAgeMs = 7 * 24 * hourMs
/** A file that was not there is looked for again after this time, each time twice as long. */
export const absentFirstMs = 600_000
export const absentMostMs = 24 * hourMs
/** Between two requests to one mirror: five a second are fewer than one apt client makes. */
export const lookSpacingMs = 200
/** After so many files in a row that were not there, a mirror is asked more rarely. */
export const absentInRow = 50
export const absentSpacingMs = 5_000
/** How long a mirror that does not answer, or asks for it, is left alone: at first, and at most. */
export const pauseFirstMs = 5_000
export const pauseMostMs = 600_000
export const busyFirstMs = 30_000
export const busyLeastMs = 10_000
export const busyMostMs = 1 * hourMs
