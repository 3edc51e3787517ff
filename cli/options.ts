// The one table of options, command by command. Arguments, environment variables, YAML keys, their
// checks and the help all come from here; an option stands here only when it works.

import { parseHours } from '../core/hours.ts'
import { parseNetwork } from '../core/networks.ts'
import { checkRsyncSource } from '../core/rsync.ts'
import { clientAdd, oneClient, pages } from './clients-options.ts'
import { fetch } from './fetch-options.ts'
import { front } from './front-options.ts'
import { healing, rescueZone } from './healing-options.ts'
import { holding } from './holding-options.ts'
import { accessLog, logLevel } from './log-options.ts'
import { backup, config, operator, status } from './operator-options.ts'
import { type OptionTable, parseHostPort } from './option-spec.ts'
import { selection } from './selection-options.ts'
import {
  oneVolunteer,
  volunteerAdd,
  volunteerNetworks,
  volunteerSite,
  volunteerTrust,
  volunteerWeight,
} from './volunteers-options.ts'

/** HOST:PORT, or nowhere. */
const checkListen = (text: string): unknown => text === 'off' || parseHostPort(text)

const tls = {
  tlsCert: {
    kind: 'path',
    placeholder: 'FILE',
    help: 'Serve https with this certificate chain (PEM); needs --tls-key',
  },
  tlsKey: {
    kind: 'path',
    placeholder: 'FILE',
    help: 'The private key of --tls-cert (PEM)',
  },
} as const

const origin = {
  repositoryDir: {
    kind: 'path',
    positional: true,
    required: true,
    placeholder: 'REPOSITORY_DIR',
    help: 'The folder to publish; it is only read',
  },
  data: {
    kind: 'path',
    placeholder: 'DIR',
    help: "Where the origin keeps keys, manifest and state (default: REPOSITORY_DIR's name with .mirrorswarm)",
  },
  listen: {
    kind: 'hostport',
    placeholder: 'HOST:PORT',
    default: '0.0.0.0:8080',
    help: 'Where to serve',
  },
  publicUrl: {
    kind: 'url',
    placeholder: 'URL',
    help: 'How clients and volunteers reach this origin, path prefix included (default: what each request used)',
  },
  ...tls,
  requireClients: {
    kind: 'flag',
    help: 'Serve only clients that were added by client add (default: everybody)',
  },
  ...pages,
  network: {
    kind: 'list',
    reloads: true,
    placeholder: 'CIDR',
    check: parseNetwork,
    help: 'Own machines: no limits on their requests and connections; repeatable',
  },
  ...front,
  keepAtOrigin: {
    kind: 'list',
    placeholder: 'GLOB',
    help: 'More names that are never redirected, besides indexes and small files; repeatable',
  },
  ...selection,
  servingLimit: {
    kind: 'count',
    reloads: true,
    placeholder: 'N',
    default: '256',
    help: 'Serve at most this many files at a time that no volunteer has; further clients are asked to wait',
  },
  uploadLimit: {
    kind: 'rate',
    reloads: true,
    placeholder: 'RATE',
    help: 'Send at most this much, e.g. 50MB/s or 1Gbit/s; clients before volunteers',
  },
  swarmUploadLimit: {
    kind: 'rate',
    reloads: true,
    placeholder: 'RATE',
    help: 'Of that, send at most this much to volunteers and BitTorrent clients together',
  },
  bittorrentListen: {
    kind: 'string',
    placeholder: 'HOST:PORT',
    check: checkListen,
    help: 'Where ordinary BitTorrent clients connect, or off (default: the host of --listen, port 6881 or a free one)',
  },
  upstream: {
    kind: 'string',
    placeholder: 'RSYNC_URL',
    check: checkRsyncSource,
    help: 'Make REPOSITORY_DIR a copy of rsync://HOST/MODULE (by rsync) before each publish',
  },
  upstreamInterval: {
    kind: 'duration',
    placeholder: 'TIME',
    default: '1h',
    help: 'How often to pull from --upstream and publish',
  },
  workers: {
    kind: 'count',
    placeholder: 'N',
    default: '1',
    help: 'Hold clients’ connections, and their TLS, in N threads instead of in the one that decides (Linux)',
  },
  hashThreads: {
    kind: 'count',
    placeholder: 'N',
    help: 'Hash with this many threads (default: one for each processor)',
  },
  settle: {
    kind: 'duration',
    placeholder: 'TIME',
    default: '2s',
    help: 'How long the tree must be still before a change is published',
  },
  scanInterval: {
    kind: 'duration',
    placeholder: 'TIME',
    default: '60s',
    help: 'How often to look for changes that no index file announces',
  },
  grace: {
    kind: 'duration',
    reloads: true,
    placeholder: 'TIME',
    default: '24h',
    help: 'Keep what the repository drops available at volunteers for this long',
  },
  announceInterval: {
    kind: 'duration',
    placeholder: 'TIME',
    default: '30s',
    help: 'How often an idle volunteer announces itself',
  },
  ...healing,
  accessLog,
  logLevel,
  config,
} as const satisfies OptionTable

const volunteer = {
  mirrorDir: {
    kind: 'path',
    positional: true,
    required: true,
    placeholder: 'MIRROR_DIR',
    help: 'The folder to mirror into; files that are there already are used, unknown ones left alone',
  },
  origin: {
    kind: 'url',
    required: true,
    placeholder: 'URL',
    help: 'The origin to mirror',
  },
  token: {
    kind: 'string',
    // Not looked at again once the volunteer is enrolled.
    reloads: true,
    placeholder: 'TOKEN',
    help: 'The one-time token from the operator; needed at the first start only',
  },
  data: {
    kind: 'path',
    placeholder: 'DIR',
    help: "Where the volunteer keeps key, manifest and state (default: MIRROR_DIR's name with .mirrorswarm)",
  },
  listen: {
    kind: 'hostport',
    placeholder: 'HOST:PORT',
    default: '0.0.0.0:8090',
    help: 'Where to serve clients',
  },
  publicUrl: {
    kind: 'url',
    placeholder: 'URL',
    help: 'How clients reach this volunteer (default: http or https, this host and the port of --listen)',
  },
  name: {
    kind: 'string',
    placeholder: 'NAME',
    help: "This volunteer's name at the origin: a-z, 0-9 and - (default: from the host name)",
  },
  ...tls,
  ...holding,
  uploadLimit: {
    kind: 'rate',
    reloads: true,
    placeholder: 'RATE',
    help: 'Send at most this much, clients and swarm together, e.g. 10MB/s or 100Mbit/s',
  },
  downloadLimit: {
    kind: 'rate',
    reloads: true,
    placeholder: 'RATE',
    help: 'Fetch at most this much while synchronising',
  },
  bootstrap: {
    kind: 'string',
    placeholder: 'RSYNC_URL',
    check: checkRsyncSource,
    help: 'Fill an empty MIRROR_DIR from rsync://HOST/MODULE (by rsync) first, then go on by swarm',
  },
  compression: {
    kind: 'string',
    placeholder: 'METHOD',
    choices: ['zstd', 'none'],
    default: 'zstd',
    help: 'How missing parts of files are compressed on their way here: zstd, or none on a fast line',
  },
  quota: {
    kind: 'size',
    reloads: true,
    placeholder: 'SIZE',
    help: 'Hold at most this much; the newest files are kept',
  },
  minFree: {
    kind: 'size',
    reloads: true,
    placeholder: 'SIZE',
    default: '1GiB',
    help: 'Leave this much of the disk free',
  },
  hours: {
    kind: 'string',
    reloads: true,
    placeholder: 'HOURS',
    check: parseHours,
    help: 'Help only at these hours, e.g. "20:00-07:00 Europe/Paris"; several separated by commas',
  },
  network: {
    kind: 'list',
    reloads: true,
    placeholder: 'CIDR',
    check: parseNetwork,
    help: 'Own machines: served without limits, hours and signed links; repeatable',
  },
  maxClients: {
    kind: 'count',
    reloads: true,
    least: 0,
    placeholder: 'N',
    help: 'Serve at most this many clients at a time; 0 helps the swarm only',
  },
  ...front,
  accelRedirect: {
    kind: 'string',
    placeholder: 'PREFIX',
    help: 'Let the trusted nginx in front send the bytes: its internal location, e.g. /handed/ (see deploy/nginx/)',
  },
  xSendfile: {
    kind: 'flag',
    help: 'The same for Apache with mod_xsendfile or lighttpd in front (see docs/OPERATIONS.md)',
  },
  accelFolder: {
    kind: 'string',
    placeholder: 'DIR',
    help: 'Where the server in front finds them, on the file system of the mirror (default: MIRROR_DIR.handed)',
  },
  peerPort: {
    kind: 'count',
    least: 0,
    placeholder: 'PORT',
    default: '0',
    check: text => {
      if (Number(text) > 65_535) throw new RangeError(`there is no port ${text}`)
    },
    help: 'Where other volunteers connect for the swarm; 0 takes any free port',
  },
  grace: {
    kind: 'duration',
    reloads: true,
    placeholder: 'TIME',
    help: 'Keep files this long after the repository dropped them, if space allows (default: as the origin asks)',
  },
  logLevel,
  config,
} as const satisfies OptionTable

const publish = {
  allowShrink: {
    kind: 'flag',
    help: 'Publish even if more than a tenth of the files is gone',
  },
  ...operator,
} as const satisfies OptionTable

const prune = {
  keep: {
    kind: 'duration',
    placeholder: 'TIME',
    default: '30d',
    help: 'Keep everything that some snapshot of this time had; never less than the time of grace',
  },
  ...operator,
} as const satisfies OptionTable

const tokenCreate = {
  uses: { kind: 'count', placeholder: 'N', default: '1', help: 'How many volunteers may use it' },
  expires: { kind: 'duration', placeholder: 'TIME', default: '7d', help: 'How long it is valid' },
  trust: {
    kind: 'string',
    placeholder: 'LEVEL',
    choices: ['full', 'signed-only'],
    default: 'full',
    help: 'full, or signed-only: serves only what clients verify themselves by signed indexes',
  },
  ...operator,
} as const satisfies OptionTable

const explain = {
  path: {
    kind: 'string',
    positional: true,
    required: true,
    placeholder: 'PATH',
    help: 'A path of the repository, as the file is named on disk',
  },
  from: {
    kind: 'string',
    placeholder: 'IP',
    check: parseNetwork,
    help: 'Decide as for a client at this address',
  },
  ...operator,
} as const satisfies OptionTable

const demo = {
  once: {
    kind: 'flag',
    help: 'End when all is done, with status 0 only if every file arrived with the right hash',
  },
} as const satisfies OptionTable

const completion = {
  shell: {
    kind: 'string',
    positional: true,
    required: true,
    placeholder: 'SHELL',
    choices: ['bash', 'zsh', 'fish'],
    help: 'bash, zsh or fish',
  },
} as const satisfies OptionTable

export const optionTables = {
  origin,
  volunteer,
  publish,
  prune,
  tokenCreate,
  volunteersList: operator,
  oneVolunteer,
  volunteerAdd,
  volunteerWeight,
  volunteerTrust,
  volunteerSite,
  volunteerNetworks,
  backup,
  explain,
  fetch,
  rescueZone,
  clientAdd,
  clientList: operator,
  oneClient,
  status,
  completion,
  demo,
} as const satisfies Readonly<Record<string, OptionTable>>
