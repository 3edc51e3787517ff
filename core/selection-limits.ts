// Bounds and constants of the choice of volunteers, each with its unit and reason.

/** Capacity assumed of a volunteer that has set no limit and was never seen busier: 100 Mbit/s. */
export const assumedBytesPerSecond = 12_500_000
/** A client stays with its volunteer up to this load; beyond it, spreading matters more. */
export const stickyLoad = 0.75
/** And while nobody who was drawn is less loaded by more than this. */
export const stickySlack = 0.2
/** From this load on a volunteer is passed over for one that is farther away. */
export const tierLoad = 0.9
/** What was sent to a volunteer fades from its rate with this time constant: a few announces. */
export const sentRateMs = 20_000
/** A backlog of this much work makes a volunteer as loaded as being busy with all it has. */
export const backlogMs = 10_000
/** Between two volunteers this much work counts as that: whoever is free now answers sooner. */
export const queueMs = 200
/** With work for this long a volunteer that has a limit counts as full. */
export const fullBacklogMs = 30_000
/** What was seen of a volunteer's rate is believed half as much after this time. */
export const capacityHalfLifeMs = 24 * 3_600_000
/** A rate counts as sustained when two announces at least this far apart agree on it. */
export const sustainedMs = 1_000
/** The window of --max-share: older redirects fade with this time constant. */
export const shareWindowMs = 60_000
/** With fewer redirects than this in the window nobody's share means anything. */
export const shareRedirects = 20
/** Volunteers looked at by chance before all of a tier are: two that will do are found by then. */
export const selectionProbes = 24
/** Orders of volunteers by closeness, one for each kind of place where clients are. */
export const rememberedRankings = 512
/** Networks of one volunteer. */
export const volunteerNetworks = 32
/** Rules of --prefer. */
export const preferRules = 4_096
/** Mirrors chosen for one request whose proof has just ended, before the origin serves it. */
export const unprovedMirrors = 4
/** Names in one rule of --prefer. */
export const preferNames = 64
/** How long the addresses of a volunteer's host name are believed. */
export const volunteerAddressMs = 600_000
/** Addresses looked up at the same time. */
export const addressLookups = 8
/** Addresses remembered of one host name. */
export const addressesPerHost = 16
/** An unpacked package index larger than this is not followed (Debian's largest have 60 MiB). */
export const signedIndexBytes = 2 * 1024 ** 3
/**
 * Sets of contents that signed indexes named until lately, each with its own time: for a publish an
 * hour and a grace of a week, some of them share one. Of 2.2 million contents one takes 400 KB at most.
 */
export const formerSignedSets = 64
/** What indexes named, remembered by the publisher so that unchanged ones are not read again. */
export const rememberedIndexBytes = 32 * 1024 ** 2

/** While --prefer names a volunteer that is not enrolled, the log says so again this often. */
export const unknownPreferredMs = 3_600_000
/** Popular contents of which it is watched whether anybody holds them: looked at in each scrape. */
export const watchedContents = 100
/** Volunteers that metrics name, the busiest; the others are summed up (about 30 series each). */
export const namedVolunteers = 200
