// The counters of a running network that tests, benches and the demo compare: the one place that
// knows the metrics' names.

import type { Daemon } from './daemon.ts'
import type { Network } from './network.ts'

/** Redirects to volunteers that the origin has answered since its start. */
export const redirects = (network: Network): Promise<number> =>
  network.metric(network.origin, 'mirrorswarm_requests_total', { outcome: 'redirect' })

/** All repository bytes that left the origin since its start, to clients and to volunteers. */
export const originUploadBytes = (network: Network): Promise<number> =>
  network.metric(network.origin, 'mirrorswarm_sent_bytes_total')

/** Bytes that a daemon sent to clients (not to the swarm) since its start. */
export const bytesServedToClients = (network: Network, daemon: Daemon): Promise<number> =>
  network.metric(daemon, 'mirrorswarm_sent_bytes_total', { kind: 'client' })

/** Bytes that a volunteer fetched, from peers and from the origin, since its start. */
export const fetchedBytes = (network: Network, daemon: Daemon): Promise<number> =>
  network.metric(daemon, 'mirrorswarm_fetched_bytes_total')

/** Bytes that a daemon sent to volunteers that synchronise, since its start. */
export const bytesSentToSwarm = (network: Network, daemon: Daemon): Promise<number> =>
  network.metric(daemon, 'mirrorswarm_sent_bytes_total', { kind: 'sync' })
