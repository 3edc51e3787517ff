// Release day: all users at once, each of them again and again until the time is over. From many
// addresses with k6's --local-ips, from a single one behind NAT with FORWARDED_FOR. Run by k6.

import { sleep } from 'k6'
import exec from 'k6/execution'
import type { Options } from 'k6/options'
import { becomeAnother, fetchFile, thresholds } from './client.ts'
import { drawFile, indexes } from './workload.ts'

const seconds = Number(__ENV.SECONDS ?? '60')
/** Between two downloads of a user, at most; nobody types faster. */
const thinkSeconds = Number(__ENV.THINK ?? '2')

export const options: Options = {
  scenarios: {
    crowd: {
      executor: 'constant-vus',
      exec: 'user',
      vus: Number(__ENV.USERS ?? '2000'),
      duration: `${seconds}s`,
      gracefulStop: '120s',
    },
  },
  thresholds,
}

/** One update run at first, then one file after the other; behind one NAT all look the same. */
export const user = (): void => {
  if (__ENV.FORWARDED_FOR === undefined) becomeAnother()
  if (exec.vu.iterationInScenario === 0) for (const index of indexes) fetchFile(index)
  fetchFile(drawFile())
  sleep(Math.random() * thinkSeconds)
}
