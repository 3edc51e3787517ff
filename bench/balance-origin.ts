// For bench/balance.ts: an origin that chooses volunteers by the policy that a file names, so that
// policies can be compared on one running network. Takes the arguments of "mirrorswarm origin".

import { readFileSync, watchFile } from 'node:fs'
import { originOptions } from '../cli/commands/origin.ts'
import { optionTables } from '../cli/options.ts'
import { resolveOptions } from '../cli/resolve-options.ts'
import { byExpectedLoad, type Policy } from '../origin/logic/choose.ts'
import { startOrigin } from '../origin/main.ts'

/** The rivals; whatever is smallest is taken. */
const policies: Readonly<Record<string, Policy>> = {
  load: byExpectedLoad,
  random: { draws: 'two', weigh: () => 0 },
  // Whoever was not chosen for longest.
  'round-robin': { draws: 'all', weigh: candidate => candidate.account.atMs },
  // Whoever got the fewest requests of late.
  'request-count': { draws: 'all', weigh: candidate => candidate.account.windowRedirects },
}

const policyFile = process.env.MIRRORSWARM_BENCH_POLICY ?? ''
let current = byExpectedLoad
const read = (): void => {
  current = policies[readFileSync(policyFile, 'utf8').trim()] ?? byExpectedLoad
}
read()
watchFile(policyFile, { interval: 100 }, read)

const policy: Policy = {
  get draws() {
    return current.draws
  },
  weigh: (candidate, load, nowMs) => current.weigh(candidate, load, nowMs),
}

const words = process.argv.slice(3)
const options = originOptions(await resolveOptions(optionTables.origin, words, {}))
const origin = await startOrigin({ ...options, policy })
process.stdout.write(`ready ${origin.url}\n`)
process.once('SIGTERM', () => {
  void origin.stop().then(() => process.exit(0))
})
