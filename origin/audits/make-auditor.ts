// Puts together what looks at volunteers. No decisions.

import type { Clock, Random } from '../../core/clock.ts'
import type { VolunteerName } from '../../core/ids.ts'
import { kernel } from '../../core/kernel/kernel.ts'
import type { Logger } from '../../core/log.ts'
import { sampleDownload } from '../../core/sample-download.ts'
import { linkExpiry, signLink } from '../../delivery/links.ts'
import type { KeepAtOrigin } from '../../manifest/logic/keep-at-origin.ts'
import type { Tracker } from '../../tracker/tracker.ts'
import type { BodySource } from '../bodies.ts'
import type { Bounces } from '../bounces.ts'
import { originContents } from '../content-source.ts'
import type { Metrics } from '../metrics.ts'
import type { Prober } from '../prober.ts'
import type { Reachability } from '../reachability.ts'
import { Auditor, type AuditorOptions } from './auditor.ts'
import { ExpectedBytes } from './expected-bytes.ts'
import type { SentFile } from './recent-sent.ts'
import { Verdicts } from './verdicts.ts'

export interface MakeAuditorParts {
  readonly tracker: Tracker
  readonly bodies: BodySource
  readonly bounces: Bounces
  readonly prober: Pick<Prober, 'post'>
  readonly reachability: Pick<Reachability, 'suspect'>
  readonly metrics: Metrics
  readonly keepAtOrigin: KeepAtOrigin
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export const makeAuditor = (
  parts: MakeAuditorParts,
  options: AuditorOptions & { readonly allowLoopback: boolean },
): Auditor => {
  const { tracker, bodies, bounces, prober, metrics, clock, random, logger } = parts
  const { reader } = bodies
  const expected = new ExpectedBytes({ source: originContents(bodies), reader, kernel })
  /** By the volunteer's own URL, whatever names redirects use. */
  const linkTo = (name: VolunteerName, { path, content }: SentFile): string | null => {
    const record = tracker.volunteer(name)
    if (record === null) return null
    const key = { volunteer: name, secret: Buffer.from(record.linkKey, 'base64') }
    const expiresSeconds = linkExpiry(Math.floor(clock.nowMs() / 1000))
    const { sha256 } = content
    return `${record.url}/${path}?${signLink(key, { path, sha256, expiresSeconds })}`
  }
  const bounceOf = bounces.reasonIn.bind(bounces)
  const { allowLoopback } = options
  const verdicts = new Verdicts({
    ...{ tracker, clock, logger },
    onUnreachable: name => parts.reachability.suspect(name),
    onAudit: (by, result) => metrics.audited(by, result),
  })
  return new Auditor(
    {
      ...{ tracker, reader, verdicts, clock, random, logger },
      keepAtOrigin: parts.keepAtOrigin,
      direct: {
        ...{ expected, linkTo, bounceOf, random },
        sample: (request, signal) => sampleDownload(request, { allowLoopback, signal }),
      },
      remote: {
        ...{ expected, linkTo, bounceOf, clock, random },
        post: (url, body, signal) => prober.post(url, body, signal),
      },
    },
    { ...options, probeDelayMostMs: Math.min(options.probeDelayMostMs, options.intervalMs) },
  )
}
