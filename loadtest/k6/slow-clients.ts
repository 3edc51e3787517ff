// Hundreds of users on lines of a few KiB/s hold connections open for long, and a few quick ones must
// not notice. The slow lines are relays that the runner keeps in front of each daemon. Run by k6.

import type { Options } from 'k6/options'
import { becomeAnother, fetchFile, thresholds } from './client.ts'
import { drawFile, drawOf } from './workload.ts'

const seconds = Number(__ENV.SECONDS ?? '60')
/** From the port of each daemon to that of its slow relay. */
const ports = JSON.parse(__ENV.SLOW_PORTS ?? '{}') as Record<string, string>

export const options: Options = {
  scenarios: {
    slow: {
      executor: 'constant-vus',
      exec: 'slowUser',
      vus: Number(__ENV.USERS ?? '800'),
      duration: `${seconds}s`,
      gracefulStop: '120s',
    },
    quick: {
      executor: 'constant-arrival-rate',
      exec: 'quickUser',
      rate: 10,
      duration: `${seconds}s`,
      preAllocatedVUs: 20,
      maxVUs: 200,
      gracefulStop: '60s',
    },
  },
  thresholds,
}

/** Larger files would take such a line longer than a test lasts. */
const mostSlowBytes = 512 << 10

export const slowUser = (): void => {
  becomeAnother()
  let file = drawOf('update')
  while (file.sizeBytes > mostSlowBytes) file = drawOf('update')
  fetchFile(file, { ports })
}

export const quickUser = (): void => {
  becomeAnother()
  fetchFile(drawFile())
}
