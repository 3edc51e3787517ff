// Puts together what carries out the origin's orders to audit. No decisions.

import { systemClock } from '../core/clock.ts'
import { classifyAddress } from '../core/networks.ts'
import type { Assembly, AssemblyInput } from './assemble.ts'
import { AuditOrders } from './audit-orders.ts'
import { linkSecret } from './enrol.ts'
import { originNowMs } from './logic/serving.ts'

/** Where this volunteer itself is on a loopback address, others may be too. */
const isOnLoopback = (url: string): boolean => {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  return host === 'localhost' || classifyAddress(host) === 'loopback'
}

export const makeAuditOrders = (
  { identity, enrolment, isStopping, serverSignal, url }: AssemblyInput,
  { transport, announcer, schedule, logger }: Assembly,
): AuditOrders =>
  new AuditOrders(
    {
      ...{ logger, clock: systemClock, roster: transport.roster, isDraining: isStopping },
      linkKey: { volunteer: enrolment.name, secret: linkSecret(identity, enrolment) },
      privateKey: identity.signing.privateKey,
      originNowMs: () =>
        originNowMs(announcer.originClock, systemClock.monotonicMs(), systemClock.nowMs()),
      isWithinHours: () => schedule.isOpen,
      takeDownload: (bytes, signal) => transport.downloadLimiter.take(bytes, 'swarm', signal),
    },
    { allowLoopback: isOnLoopback(url()), signal: serverSignal },
  )
