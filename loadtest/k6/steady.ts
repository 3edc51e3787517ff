// A release and the days after it: requests decay from their peak with a half-life of one day, three
// days drawn together into the length of the test. Run by k6.

import type { Options } from 'k6/options'
import { becomeAnother, fetchFile, thresholds } from './client.ts'
import { drawFile, indexes } from './workload.ts'

const seconds = Number(__ENV.SECONDS ?? '60')
const peakPerSecond = Number(__ENV.PEAK ?? '40')
const steps = 12
const days = 3

export const options: Options = {
  scenarios: {
    steady: {
      executor: 'ramping-arrival-rate',
      exec: 'user',
      startRate: peakPerSecond,
      timeUnit: '1s',
      preAllocatedVUs: 50,
      maxVUs: Number(__ENV.USERS ?? '500'),
      stages: Array.from({ length: steps }, (_, step) => ({
        duration: `${Math.ceil((seconds * 1_000) / steps)}ms`,
        target: Math.max(1, Math.round(peakPerSecond * 2 ** ((-days * (step + 1)) / steps))),
      })),
      gracefulStop: '60s',
    },
  },
  thresholds,
  discardResponseBodies: false,
}

/** A user who looks for updates and takes one file. */
export const user = (): void => {
  becomeAnother()
  const index = indexes[0]
  if (index !== undefined) fetchFile(index)
  fetchFile(drawFile())
}
