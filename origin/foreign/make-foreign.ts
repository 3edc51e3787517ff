// Puts together what watches mirrors without our daemon. No decisions.

import { join } from 'node:path'
import { systemClock } from '../../core/clock.ts'
import { describeError } from '../../core/errors.ts'
import { kernel } from '../../core/kernel/kernel.ts'
import { redirectFloorBytes } from '../../core/limits.ts'
import type { Logger } from '../../core/log.ts'
import { sampleDownload } from '../../core/sample-download.ts'
import { lookDeadlineMs } from '../../core/sampling-limits.ts'
import type { KeepAtOrigin } from '../../manifest/logic/keep-at-origin.ts'
import type { Tracker } from '../../tracker/tracker.ts'
import { ExpectedBytes } from '../audits/expected-bytes.ts'
import type { BodySource } from '../bodies.ts'
import { originContents } from '../content-source.ts'
import { ForeignMirrors } from './foreign-mirrors.ts'
import { ProofStore } from './proof-store.ts'

export interface MakeForeignParts {
  readonly dataDir: string
  readonly tracker: Tracker
  readonly bodies: BodySource
  readonly keepAtOrigin: KeepAtOrigin
  readonly logger: Logger
}

export interface MakeForeignOptions {
  readonly announceMs: number
  readonly requireClients: boolean
  readonly allowLoopback: boolean
}

/** What mirrors' logs have: who asks them, and why. */
const userAgent = 'mirrorswarm (looks at what this mirror holds)'

export const makeForeign = (
  { dataDir, tracker, bodies, keepAtOrigin, logger }: MakeForeignParts,
  { announceMs, requireClients, allowLoopback }: MakeForeignOptions,
): ForeignMirrors => {
  const { reader } = bodies
  const expected = new ExpectedBytes({ source: originContents(bodies), reader, kernel })
  const store = new ProofStore(join(dataDir, 'mirrors.db'), (error, lost) =>
    logger.warn({ error: describeError(error), lost }, 'what mirrors hold cannot be kept'),
  )
  return new ForeignMirrors({
    ...{ store, tracker, reader, announceMs, requireClients, logger },
    ...{ clock: systemClock, random: Math.random },
    isRedirected: (path, sizeBytes) =>
      sizeBytes >= redirectFloorBytes && !keepAtOrigin(path, sizeBytes),
    look: signal => ({
      userAgent,
      expected: (content, { offset, length }) => expected.sha256(content, offset, length),
      sample: request =>
        sampleDownload(request, { allowLoopback, signal, deadlineMs: lookDeadlineMs }),
    }),
  })
}
