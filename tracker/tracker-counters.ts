// What the tracker counts, for metrics; all grow from the start of the process.

export interface TrackerCounters {
  announces: number
  staleAnnounces: number
  fullStates: number
  refusedAnnounces: number
  brokenPolls: number
}

export const newTrackerCounters = (): TrackerCounters => ({
  ...{ announces: 0, staleAnnounces: 0, fullStates: 0, refusedAnnounces: 0, brokenPolls: 0 },
})
