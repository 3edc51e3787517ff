// Builds the origin's server, with worker threads in front of it where the operator asked for some.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readTlsPair, TlsReloader } from '../../core/tls-files.ts'
import type { Front } from '../../delivery/front.ts'
import { type AppParts, type BuiltApp, buildApp } from '../app.ts'
import type { OriginOptions } from '../options.ts'
import { TunnelEntrance } from './tunnel.ts'
import { WorkerPool } from './worker-pool.ts'

export interface BuiltOrigin extends Pick<BuiltApp, 'app' | 'tlsReloader'> {
  /** Null: one thread does all. */
  readonly pool: { readonly workers: WorkerPool; readonly entrance: TunnelEntrance } | null
}

/** TLS session tickets: a name and two keys (see tls.Server's getTicketKeys). */
const ticketKeyBytes = 48

/** It does not listen yet. */
export const buildOrigin = (
  parts: AppParts,
  front: Front,
  { workers: count, tls }: Pick<OriginOptions, 'workers' | 'tls'>,
): BuiltOrigin => {
  if (count === 1) return { ...buildApp(parts, { tls }), pool: null }
  const { clock, logger, metrics } = parts.context
  const pair = tls === null ? null : readTlsPair(tls)
  const entrance = new TunnelEntrance()
  const { app, quick } = buildApp(parts, { tls: null, entrance })
  const workers = new WorkerPool(
    {
      answer: (text, ends) => {
        const answers = quick.answerAll(text, ends)
        assert(answers.body === undefined, 'an origin answers redirects before node:http')
        return answers
      },
      connections: front.connections(),
      onSilent: count => {
        for (let each = 0; each < count; each++) metrics.errors.add('MS_REQUEST_INVALID')
      },
      ...{ place: entrance.place, clock, logger },
    },
    { count, tls: pair === null ? null : { pair, ticketKeys: randomBytes(ticketKeyBytes) } },
  )
  const tlsReloader =
    tls === null || pair === null
      ? null
      : new TlsReloader({
          ...{ files: tls, pair, server: workers, logger },
          nowMs: () => clock.nowMs(),
        })
  return { app, tlsReloader, pool: { workers, entrance } }
}
