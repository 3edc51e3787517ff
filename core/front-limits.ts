// Bounds of what a front does by itself before node:http, each with its unit and reason.

/** A usual request's head is shorter; longer ones are node:http's, which bears 16 KiB. */
export const quickHeadCharacters = 4_096
/** Answers that a client has not taken; then it is asked for no more requests. */
export const unreadAnswersBytes = 64 * 1_024
/** Connections whose answers are written together: the first of them waits for the last, some milliseconds. */
export const burstAnswers = 64
/** Sets of header lines whose meaning is remembered (about 600 bytes each). */
export const rememberedHeaderLines = 1_024
/** Files whose answers are remembered but for the link (about 800 bytes each), as far as no index has them. */
export const hotFiles = 16_384
/** Files asked for lately, of which the second request makes a hot one (4 bytes each). */
export const lukewarmFiles = 65_536
/** A repository with fewer files is soon all hot. */
export const indexedFilesLeast = hotFiles
/** Indexed in memory at about 61 bytes each; what is larger is looked up in the database. */
export const indexedFilesMost = 8_000_000
/** Publishes often follow each other. */
export const indexSettleMs = 2_000
/** Files that are read for the index at a time, some milliseconds of work. */
export const indexReadFiles = 2_000
/** Between two of these, so that what answers clients gets its turn. */
export const indexReadPauseMs = 1
/** Of the thread that reads them; the index itself is not part of it. */
export const indexHeapMiB = 64
/** So that the threads which answer clients go first. */
export const indexNiceness = 10
