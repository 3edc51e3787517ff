// Bounds of what is kept in memory to serve faster: hot contents, genuine links, bytes read ahead.

const KiB = 1024
const MiB = 1024 * KiB

/** Genuine links that a volunteer remembers (about 400 bytes each), to check each but once. */
export const rememberedLinks = 8192
/** Longer ones are checked each time. */
export const rememberedLinkCharacters = 1024
/** Heads of answers that a volunteer keeps for its hot contents (about 1 KiB each). */
export const hotAnswers = 4096
/** Contents asked for again and again that a volunteer keeps in memory, all together. */
export const hotContentsBytes = 64 * MiB
/** Larger contents are read from their files: they would drive out too many others. */
export const hotContentBytes = 4 * MiB
/** How long what was seen of a hot content's file counts for requests that cannot wait. */
export const hotContentLookMs = 100
/** Contents whose requests are counted to tell which are hot (about 150 bytes each). */
export const countedHotContents = 16_384
/** After so many requests all of those counts are halved, so that old fame fades. */
export const hotContentsAging = 65_536
/** Names that a volunteer keeps for a web server in front, one for each content handed over lately. */
export const handedNames = 16_384
/** How long after its last use: the server opens the file within moments, a busy one later. */
export const handedNameMs = 60_000
/** Read buffer of a client that is known to be slow, and of newcomers in a crowd. */
export const crowdReadBufferBytes = 32 * KiB
/** Of `readBudgetBytes`, what clients may use that have not shown yet how quick they are. */
export const newcomersReadBytes = 8 * MiB
/** Sent bytes that show it: the kernel alone takes a few MiB at once, for the slowest client too. */
export const provenClientBytes = 8 * MiB
/** Small read buffers kept for the next answer, of each size. */
export const idleSmallReadBuffers = 64
/** Connections that the system takes before the program has: a release day brings thousands at once, and who finds no room tries again only a second later. The system's own bound (net.core.somaxconn) counts too. */
export const listenBacklog = 4096
