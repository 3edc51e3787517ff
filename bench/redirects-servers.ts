// The servers of bench/redirects.ts: a bare node:http server, nginx, and an origin of a synthetic
// network whose volunteers have announced themselves once.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commandFile } from '../loadtest/daemon.ts'
import { installedEnvironment } from '../loadtest/installed.ts'
import { freePort } from '../loadtest/ports.ts'
import { findProgram } from '../loadtest/programs.ts'
import { type SyntheticNetwork, syntheticSession } from '../loadtest/synthetic-network.ts'
import { encodeAnnounce } from '../tracker/announce-body.ts'
import type { AnnounceRequest } from '../tracker/messages.ts'
import { signRequest } from '../tracker/request-signature.ts'
import { type PinnedServer, startPinned } from './redirects-load.ts'

const bareFile = fileURLToPath(new URL('redirects-bare.ts', import.meta.url))

/** The least that a redirect can be in Node. */
export const startBare = (): Promise<PinnedServer> =>
  startPinned('bare node:http', [process.execPath, ...oneProcessorArgs, bareFile], /^ready (\S+)$/m)

/** `return 302` in one worker process; null where nginx is not installed. */
export const startNginx = async (folder: string): Promise<PinnedServer | null> => {
  const program = findProgram('nginx')
  if (program === null) return null
  const place = join(folder, 'nginx')
  mkdirSync(place)
  const port = await freePort()
  writeFileSync(
    join(place, 'nginx.conf'),
    `daemon off; master_process off; pid ${place}/pid; error_log ${place}/error.log;
    events { worker_connections 1024; }
    http {
      access_log off; keepalive_requests 1000000000;
      client_body_temp_path ${place}/a; proxy_temp_path ${place}/b; fastcgi_temp_path ${place}/c;
      uwsgi_temp_path ${place}/d; scgi_temp_path ${place}/e;
      server { listen 127.0.0.1:${port}; return 302 http://volunteer.example.org/file; }
    }`,
  )
  const started = ['sh', '-c', 'echo "ready $0"; exec "$@"', `http://127.0.0.1:${port}`]
  const run = [program, '-p', place, '-c', join(place, 'nginx.conf')]
  return startPinned('nginx return 302', [...started, ...run], /^ready (\S+)$/m)
}

/** Of each volunteer: what is redirected here in a second would fill real ones for minutes. */
const plentyBytesPerSecond = 100_000_000_000

const announceOf = (network: SyntheticNetwork): AnnounceRequest => ({
  version: 1,
  session: syntheticSession,
  sequence: 1,
  manifest: { repositoryId: network.repositoryId as never, epoch: 1, snapshot: 1 },
  peerPort: null,
  holdings: null,
  sync: { state: 'idle', wantedFiles: 0, wantedBytes: 0, heldFiles: 1, heldBytes: 1, torrents: [] },
  load: { clientBytesPerSecond: 0, syncBytesPerSecond: 0, activeClients: 0 },
  limits: { uploadBytesPerSecond: plentyBytesPerSecond, maxClients: null },
  draining: false,
  reasons: [],
  seen: null,
  waitMs: 0,
})

const announceAll = async (url: string, network: SyntheticNetwork): Promise<void> => {
  const { body, headers } = await encodeAnnounce(announceOf(network))
  const path = '/-/v1/announce'
  for (const name of network.volunteers) {
    const signature = signRequest(
      { method: 'POST', path, body },
      name,
      network.volunteerKeys.privateKey,
      Date.now(),
    )
    const answer = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { ...headers, authorization: signature },
      body,
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`the announce of ${name}: ${answer.status} ${text}`)
  }
}

export interface StartedOrigin {
  readonly server: PinnedServer
  /** From the start of the process until it serves. */
  readonly startMs: number
}

/**
 * For whoever has one processor only: V8's helpers would take it away from the thread that answers,
 * four of them at once. So do the bare server's.
 */
const oneProcessorArgs = ['--single-threaded-gc']

/** As installed. An origin that publishes nothing: its tree is empty, and its upstream does not answer. */
export const startOrigin = async (
  network: SyntheticNetwork,
  nodeArgs: readonly string[] = oneProcessorArgs,
  more: { readonly args?: readonly string[]; readonly processors?: string } = {},
): Promise<StartedOrigin> => {
  const started = performance.now()
  const server = await startPinned(
    `mirrorswarm, ${network.files} files, ${network.volunteers.length} volunteers`,
    [
      ...[process.execPath, ...nodeArgs, commandFile, 'origin', network.repositoryDir],
      ...['--data', network.dataDir, '--listen', '127.0.0.1:0', '--network', '127.0.0.0/8'],
      ...[
        '--announce-interval',
        '1h',
        '--upstream',
        'rsync://127.0.0.1:1/none',
        '--upstream-interval',
        '1d',
      ],
      ...(more.args ?? []),
    ],
    /^ready (\S+)$/m,
    more.processors,
    installedEnvironment('origin'),
  )
  const startMs = performance.now() - started
  await announceAll(server.url, network)
  return { server, startMs }
}
