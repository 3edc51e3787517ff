// Bounds of what passes between an origin's threads (see origin/workers).

/** A preface is about 150 bytes; whoever sends more before its end is nobody of ours. */
export const prefaceBytes = 512
/** It is sent with the first bytes of the connection. */
export const prefaceTimeoutMs = 5_000
/** Connections of which no preface came yet: far more than threads open at once. */
export const openPrefaces = 4096
