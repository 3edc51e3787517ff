// Every bench, one after the other, with its usual figures.

import { benchPublish } from './publish.ts'
import { benchSwarm } from './swarm.ts'

await benchSwarm({ files: 2_000, bytes: 2 ** 30, volunteers: 10, seed: 1 })
await benchPublish({ files: 100_000, bytes: 800_000_000, seed: 1 })
