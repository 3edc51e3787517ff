// Every bench, one after the other, with its usual figures.

import { benchCapped } from './capped.ts'
import { benchChangeSet } from './change-set.ts'
import { benchCourtesy } from './courtesy.ts'
import { benchDelta, defaultCacheFolder } from './delta.ts'
import { benchGarbage } from './garbage.ts'
import { benchMatch } from './match.ts'
import { benchPublish } from './publish.ts'
import { benchRedirects } from './redirects.ts'
import { benchServing } from './serving.ts'
import { benchSwarm } from './swarm.ts'

await benchSwarm({ files: 2_000, bytes: 2 ** 30, volunteers: 10, seed: 1 })
await benchPublish({ files: 100_000, bytes: 800_000_000, seed: 1 })
const kept = [
  await benchCapped({ files: 500, bytes: 2 ** 28, volunteers: 5, megabits: 25, seed: 1 }),
  await benchGarbage({ files: 500, bytes: 2 ** 28, volunteers: 4, seed: 1 }),
  await benchMatch({ bytes: 2 ** 28, repeat: 2 }),
  await benchCourtesy({
    ...{ rounds: 5, clients: 2, seconds: 4 },
    ...{ bytes: 2 ** 27, megabytesPerSecond: 100, seed: 1 },
  }),
  await benchRedirects({ seconds: 5, rounds: 3, only: null, keep: null }),
  await benchServing({ seconds: 5, rounds: 5, only: null }),
  await benchChangeSet({ files: 20_000, bytes: 2 ** 30, volunteers: 5, seed: 1 }),
  await benchDelta({
    ...{ only: null, small: false, cacheFolder: defaultCacheFolder },
    ...{ rivals: true, special: true, modes: ['none', 'zstd'], json: false },
  }),
]
if (kept.includes(false)) process.exitCode = 1
