// The options of `mirrorswarm fetch`.

import { MirrorswarmError } from '../core/errors.ts'
import { fetchConnections } from '../core/fetch-limits.ts'
import { importPublicKey } from '../core/keys.ts'
import type { OptionTable } from './option-spec.ts'

const invalid = (message: string): MirrorswarmError =>
  new MirrorswarmError('MS_CONFIG_INVALID', message)

/** The URL of a file, maybe with user and password. Throws MS_CONFIG_INVALID, without saying these. */
export const parseFileUrl = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw invalid('that is no URL; write for example http://repo.example.org/images/large.iso')
  }
  if (url.search !== '' || url.hash !== '') throw invalid('the URL must not have "?" or "#"')
  if (url.pathname.endsWith('/')) throw invalid('that is the URL of a folder; fetch takes a file')
  return url
}

export const fetch = {
  url: {
    kind: 'string',
    positional: true,
    required: true,
    placeholder: 'URL',
    check: parseFileUrl,
    help: 'A file of an origin, http://HOST/PATH; with USER:PASSWORD@ where it asks for them',
  },
  output: {
    kind: 'string',
    short: 'o',
    placeholder: 'FILE',
    help: 'Where to put it; - is standard output (default: its name, in this folder)',
  },
  rootKey: {
    kind: 'string',
    placeholder: 'KEY',
    check: text => importPublicKey(text, 'ed25519'),
    help: "The origin's root key (default: the one it had when it was first seen)",
  },
  connections: {
    kind: 'count',
    placeholder: 'N',
    default: String(fetchConnections),
    help: 'Requests at the same time',
  },
  netrcFile: {
    kind: 'path',
    placeholder: 'FILE',
    help: 'Where user and password are if the URL has none (default: ~/.netrc)',
  },
  knownOrigins: {
    kind: 'path',
    placeholder: 'FILE',
    help: 'Where root keys are remembered (default: ~/.local/state/mirrorswarm/known-origins.json)',
  },
} as const satisfies OptionTable
