// Bounds of the dashboard and of its stream of events, each with its unit and reason.

/** Streams of events that are open at once: people and a few programs watch, not clients. */
export const eventStreams = 64
/** Of one address: several pages of one person, or an office behind one address. */
export const eventStreamsPerAddress = 16
/** What a stream may leave unread, beside its first picture, before it is cut: it may resume. */
export const eventBufferBytes = 256 * 1024
/** Events of the log that are told again to who resumes; further back there is the picture only. */
export const replayedEvents = 1_000
/** Proxies close what is silent, often after a minute. */
export const eventBeatMs = 15_000
/** How often watchers are told what changed: more cannot be read. */
export const eventTickMs = 1_000
/** Redirects told to operators that watch, on average a second; the others are only counted. */
export const shownRedirectsPerSecond = 5
/** Of those at once. */
export const shownRedirectsBurst = 10
/** One sample of traffic. */
export const trafficSampleMs = 10_000
/** Samples kept in that step: an hour. */
export const trafficSamples = 360
/** And one of each so many of them for longer: five minutes. */
export const trafficStep = 30
/** Those: two days. */
export const trafficSteps = 576
/** How often traffic, sums and happenings are written down: a crash loses as much. */
export const historySaveMs = 300_000
/** Happenings that a new watcher is told of. */
export const rememberedHappenings = 40
/** Releases whose progress is remembered. */
export const rememberedReleases = 8
/** Points of one release's curve; every second one is dropped when there would be more. */
export const releasePoints = 240
/** Days of which a volunteer remembers what it gave and how long it synchronised. */
export const rememberedDays = 60
/** How often a volunteer adds to its days. */
export const dayStepMs = 10_000
/** And writes them down: a crash loses as much. */
export const daySaveMs = 300_000
/** What volunteers may install from the origin, kept in memory: ten times what npm pack makes now. */
export const packageBytes = 32 * 1024 * 1024
