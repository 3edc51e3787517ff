// Bounds of the lists of servers that package managers keep. Every number has a reason.

import { snapshotPinMs } from './update-limits.ts'

/** A repomd.xml counts as still held by clients for so long after it was replaced: twice a pin. */
export const formerContentsMs = 2 * snapshotPinMs
/** Former versions of a file that a list names. */
export const formerContents = 8
/** Snapshots that are looked through for them. */
export const formerSnapshots = 200
/** Volunteers in a list that a package manager keeps: apt tries each, one after the other. */
export const listedMirrors = 6
