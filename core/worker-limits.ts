// Bounds of what passes between an origin's threads (see origin/workers).

/** A preface is about 150 bytes; whoever sends more before its end is nobody of ours. */
export const prefaceBytes = 512
/** It is sent with the first bytes of the connection. */
export const prefaceTimeoutMs = 5_000
/** Connections of which no preface came yet: far more than threads open at once. */
export const openPrefaces = 4096
/** After the last answer on a connection, for a client that still sends to read it. */
export const lingerMs = 2_000
/** Threads that hold connections: beyond these the one that decides is what all wait for. */
export const mostWorkers = 64
/** A worker that died within this time of its start is started anew only after a pause. */
export const workerTrialMs = 10_000
/** That pause; doubled by each further death. */
export const workerPauseMs = 100
/** The longest. */
export const workerPauseCeilingMs = 10_000
/** While stopping: for clients to take what was answered last, before workers are ended. */
export const workerGraceMs = 1_000
