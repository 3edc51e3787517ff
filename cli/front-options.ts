// Options that origin and volunteer share: proxies in front of them, and what one address may ask.

import { parseNetwork } from '../core/networks.ts'

/** Spread into both tables of options. */
export const front = {
  trustedProxy: {
    kind: 'list',
    reloads: true,
    placeholder: 'CIDR',
    check: parseNetwork,
    help: 'Believe what proxies in this network say about who asks; repeatable',
  },
  forwardedHeader: {
    kind: 'string',
    reloads: true,
    placeholder: 'NAME',
    choices: ['x-forwarded-for', 'forwarded'],
    default: 'x-forwarded-for',
    help: 'In which header those proxies say it: x-forwarded-for or forwarded (RFC 7239)',
  },
  requestRate: {
    kind: 'count',
    reloads: true,
    least: 0,
    placeholder: 'N',
    default: '1000',
    help: 'Answer one address this many requests a second on average, bursts of five times as many; 0: any number',
  },
  clientConnections: {
    kind: 'count',
    reloads: true,
    least: 0,
    placeholder: 'N',
    default: '512',
    help: 'Connections that one address may have open at once; 0: any number',
  },
  logAddresses: {
    kind: 'string',
    reloads: true,
    placeholder: 'HOW',
    choices: ['full', 'short', 'none'],
    default: 'full',
    help: 'Log IP addresses in full, short (IPv4 as /24, IPv6 as /48) or not at all (none)',
  },
} as const
