// Bounds of what lets failed downloads heal: repeats, bounces, probes and audits. See limits.ts for
// the rest.

const KiB = 1024
const MiB = 1024 * KiB

/** A client that resumes at an offset got no more than this since it was redirected: 1 Gbit/s. */
export const resumeBytesPerMs = 125_000
/** And this at once, whatever the clocks say. */
export const resumeSlackBytes = 1 * MiB
/** Answers at once, beside the serving limit, for those that a volunteer sent back, so that nobody else can use that room up. */
export const bounceReserve = 256
/** How much of it one volunteer's bounces may use: one that sends everybody back is no danger. */
export const bouncesEach = 64
/** Answers at once to the same bounce: a client that fetches in segments follows it several times. */
export const bounceUses = 16
/** A client follows a bounce when it has received what it asked for before (apt pipelines). */
export const bounceLifetimeSeconds = 600
/** Part of the serving limit that clients that came back may use, and the least of it. */
export const repeatShare = 0.25
export const repeatAnswers = 4
/** What a probe or an audit fetches of one content at most. */
export const sampleBytes = 1 * MiB
/** How long that may take; what came by then is judged. */
export const sampleDeadlineMs = 15_000
/** A volunteer that sends nothing for this long while a sample is fetched has stalled. */
export const sampleStallMs = 8_000
/** A sample that comes slower is no service: below what dnf, apt and others give up at. */
export const sampleFloorBytesPerSecond = 4 * KiB
/** A client that came back has its volunteer probed after a random time up to this. */
export const probeDelayMostMs = 3_000
/** Redirects remembered of each volunteer, from which audits are drawn. */
export const remembersSent = 16
/** Of redirects that follow each other faster, only one is remembered so often. */
export const sentNotedEveryMs = 1_000
/** The auditor looks for work at least this often; re-audits are due to the second. */
export const auditTickMs = 1_000
/** Claims of volunteers about volunteers that are remembered, and for how long. */
export const auditClaims = 4096
export const auditClaimMs = 24 * 3_600_000
/** Orders to audit that one volunteer carries out at once, and in an hour. */
export const auditOrdersAtOnce = 2
export const auditOrdersPerHour = 120
/** How long an order is good for, and answers to it are waited for. */
export const auditOrderMs = 30_000
/** What an answer to an order may have. */
export const auditReportBytes = 4 * KiB
/** Volunteers' rescue names are checked again this often, and new ones looked for. */
export const rescueCheckMs = 300_000
/** One that did not work is looked at again so soon, and then after twice the time each time: it may have been starting. */
export const rescueRetryMs = 5_000
export const rescueTickMs = 2_000
export const concurrentRescueChecks = 4
/** How long a look whether a volunteer is alive counts for clients that came by its name. */
export const rescueAliveMs = 100
/** One that does not answer in this time gets no client sent on: the client waits meanwhile. */
export const rescueProbeMs = 500
/** A client that was sent on and comes back within this time is served by the origin. */
export const rescueAgainMs = 60_000
