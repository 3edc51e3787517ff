// Bounds of deltas: of requests for ranges and their answers, and of the search for local bytes. As in
// core/limits.ts, each with its unit and reason.

const KiB = 1024
const MiB = 1024 * KiB

/** Contents that one such request names: 150 KiB of hashes. */
export const rangesContents = 4096
/** Runs of bytes and of chunks in one such request: up to 8 bytes each, and the body has a bound. */
export const rangesRuns = 100_000
/** Bytes that one such request may ask for (and then wait for, if the line is slow). */
export const rangesAnswerBytes = 64 * MiB
/** Bytes that one such request may have read to be hashed. */
export const rangesHashedBytes = 16 * 1024 * MiB
/** Lists of anchors in one such request: each reads a whole content. */
export const rangesAnchorLists = 1
/** Unpacked forms in one such request: each may have to be made first. */
export const rangesForms = 1
/** Parts of such an answer are gathered up to this size before they are handed on. */
export const answerPartBytes = 64 * KiB
/** Lists of anchors that are computed at the same time: each reads a whole file. */
export const concurrentAnchorLists = 2
/** Up to this size a content's list of anchors (2.6 MiB at most) is made and kept in memory … */
export const inlineAnchorsContentBytes = 512 * MiB
/** … longer lists are files, together at most so much, or one: those of some 150 GB of contents. */
export const anchorListFilesBytes = 256 * MiB
/** Chunk hashes and anchors kept because they may be asked for again: 4 GiB in chunks of 1 KiB. */
export const chunkCacheBytes = 32 * MiB
/** A smaller content is fetched whole: asking for hashes takes longer. */
export const prefillFloorBytes = 16 * KiB
/** A list of anchors is asked for when at least one of so many bytes of a content is missing. */
export const anchorsForMissingShare = 4
/** A source of chunk hashes that is slower than this is left for the next one. */
export const slowAnswerBytesPerSecond = 16 * KiB
/** Neighbours that are asked for chunk hashes of a content before the origin is. */
export const hashNeighbours = 2
/** A neighbour that could not be asked is left alone so long: its address may lead nowhere. */
export const neighbourPauseMs = 60_000
/** Answers to /-/v1/ranges under way at once: a compressor takes about 2 MiB each. */
export const rangesAnswers = 32
/** Of those, for one volunteer. */
export const rangesAnswersEach = 8
/** Requests for ranges that wait for their turn, with bodies of a few KiB. */
export const rangesWaiting = 512
/** Of those, of one volunteer: as many as it has prefills and batches under way, and more. */
export const rangesWaitingEach = 48
/** Who reads such an answer more slowly than this loses its slot … */
export const rangesFloorBytesPerSecond = 4 * KiB
/** … when it has done so for so long. */
export const rangesFloorMs = 60_000
/** A compressed answer refers back over at most 2^20 bytes (1 MiB). */
export const zstdSentWindowLog = 20
/** Body of a request for ranges: 100,000 runs of about 8 bytes fit. */
export const rangesRequestBytes = 1 * MiB
/** A compressed answer may ask for a window of 2^23 bytes (8 MiB) to be decompressed, not more. */
export const zstdWindowLog = 23
/** The last source of hashes (the origin) is waited for so often when it says that it is busy … */
export const busySourceWaits = 6
/** … and at most so long each time: meanwhile other contents are fetched. */
export const busySourceWaitMs = 10_000

/** Contents below this size are not looked into: the requests cost as much. */
export const insideFloorBytes = 64 * KiB
/** Gzip files that a volunteer looks into at once: one waits for answers while another is unpacked. */
export const concurrentInside = 2
/** Inflated text of one file: a form and its basis lie on the disk together. */
export const formTextBytes = 1024 * MiB
/** Forms that the origin keeps on its disk. */
export const originFormsBytes = 2048 * MiB
/** Room that they leave on the origin's disk: publishing must not run out of it. */
export const originFreeBytes = 512 * MiB
/** The same on a volunteer, of what it holds: neighbours ask for them. */
export const volunteerFormsBytes = 1024 * MiB
/** Forms that are being made or wait for it; one thread makes them. For more there is none. */
export const waitingForms = 16
/** Contents of which it is remembered that they have no form. */
export const formlessContents = 4096
/** JavaScript heap of the thread that makes forms; its tables and buffers lie beside it. */
export const formHeapMiB = 64
/** Such a thread may take so long for one file: 1 GiB of text at 2 MiB a second. */
export const formWorkMs = 600_000
/** It ends after this time without work: its memory is worth more than its start. */
export const idleFormThreadMs = 10_000
/** Bytes of forms are compressed in parts of this size. */
export const formPartBytes = 1 * MiB
/** Level of that: what is asked is little, and was compressed hard in the file. */
export const formZstdLevel = 9
/** Neighbours and the origin are asked to make a form at this rate of packed bytes at least. */
export const formBytesPerSecond = 256 * KiB
