// What the owner of a volunteer can set, checked before anything is touched.

import { hostname } from 'node:os'
import { relative, resolve, sep } from 'node:path'
import { MirrorswarmError } from '../core/errors.ts'
import { type Hours, parseHours } from '../core/hours.ts'
import { isVolunteerName, type RepoPath, type VolunteerName } from '../core/ids.ts'
import type { LogAddresses, LogLevel } from '../core/log.ts'
import { type Network, parseNetwork } from '../core/networks.ts'
import { pathFromBytes } from '../core/repo-path.ts'
import { checkRsyncSource } from '../core/rsync.ts'
import type { FrontOptions } from '../delivery/front.ts'

/** The path of a public URL, '' or '/prefix'; a proxy in front may have removed it or not. */
export const prefixOf = (publicUrl: string | null): string =>
  publicUrl === null ? '' : new URL(publicUrl).pathname.replace(/\/$/, '')

/** Of answers to requests for ranges. */
export type Compression = 'zstd' | 'none'

export interface VolunteerOptions {
  /** The mirror: an ordinary tree, possibly full already. Made when it is missing. */
  readonly mirrorDir: string
  /** Keys, manifest, record of the mirror, unfinished transfers. */
  readonly dataDir: string
  readonly originUrl: string
  /** For the first start only. */
  readonly token: string | null
  readonly listen: { readonly host: string; readonly port: number }
  /** Where clients and the origin reach this volunteer; null: what it listens on. */
  readonly publicUrl: string | null
  /** Null: made from the host's name. */
  readonly name: string | null
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null
  /** Globs on decoded paths; empty: everything. */
  readonly include: readonly string[]
  readonly exclude: readonly string[]
  readonly uploadLimitBytesPerSecond: number | null
  readonly downloadLimitBytesPerSecond: number | null
  /** An rsync server that fills the mirror while it is empty; null: only the swarm does. */
  readonly bootstrap: string | null
  readonly compression: Compression
  readonly quotaBytes: number | null
  readonly minFreeBytes: number
  readonly maxClients: number | null
  /** "20:00-07:00 Europe/Paris"; null: always. */
  readonly hours: string | null
  /** The department's own networks (CIDR), served without links and limits. */
  readonly networks: readonly string[]
  /** Where peers connect; 0: any free port. */
  readonly peerPort: number
  /** What the snapshot no longer has stays this long; null: as long as the origin asks. */
  readonly graceMs: number | null
  /** Proxies, and limits of what one address may ask; missing: frontDefaults. */
  readonly front?: FrontOptions
  /** nginx in front sends the bytes, from a folder of names; missing or null: the daemon does. */
  readonly accelRedirect?: { readonly prefix: string | null; readonly folder: string } | null
  readonly logLevel: LogLevel
  /** Missing: full. */
  readonly logAddresses?: LogAddresses
}

export interface CheckedOptions extends Omit<VolunteerOptions, 'name' | 'hours' | 'networks'> {
  readonly name: VolunteerName | null
  readonly hours: Hours | null
  readonly networks: readonly Network[]
}

const invalid = (message: string): MirrorswarmError =>
  new MirrorswarmError('MS_CONFIG_INVALID', message)

/** A valid volunteer name made from whatever the host is called. */
export const nameFromHost = (host: string): VolunteerName => {
  const text = host
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 63)
    .replace(/-+$/, '')
  return isVolunteerName(text) ? text : ('volunteer' as VolunteerName)
}

const checkName = (name: string | null): VolunteerName | null => {
  if (name === null || isVolunteerName(name)) return name
  throw invalid(`"${name}" is not a name: use up to 63 of a-z, 0-9 and "-"`)
}

/** Without trailing slashes, so that paths can be added. */
const checkUrl = (option: string, text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : null
  const usable = url !== null && (url.protocol === 'http:' || url.protocol === 'https:')
  if (!usable || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw invalid(`--${option} "${text}" is not an http or https URL`)
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}

const isBelow = (folder: string, other: string): boolean => {
  const path = relative(folder, other)
  return path === '' || !(path === '..' || path.startsWith(`..${sep}`))
}

/**
 * Where the data folder lies inside the mirror, null if it is outside (both real paths). Throws
 * MS_CONFIG_INVALID when the mirror is inside the data folder.
 */
export const placeOfData = (mirrorDir: string, dataDir: string): RepoPath | null => {
  if (isBelow(dataDir, mirrorDir)) {
    throw invalid('the mirror folder must not lie in the data folder; name another --data')
  }
  return isBelow(mirrorDir, dataDir)
    ? pathFromBytes(Buffer.from(relative(mirrorDir, dataDir)))
    : null
}

const checkAmount = (option: string, value: number | null, least: number): void => {
  if (value !== null && !(Number.isFinite(value) && value >= least)) {
    throw invalid(`--${option} must be at least ${least}`)
  }
}

/** Servers decode the name, each in its own way. */
const plainPath = /^(?:\/[A-Za-z0-9_.~-]+)+$/

/** What a proxy sends cannot be held to the owner's limits, and only a known one may be told. */
const checkAccel = (options: VolunteerOptions): VolunteerOptions['accelRedirect'] => {
  const { accelRedirect } = options
  if (accelRedirect === undefined || accelRedirect === null) return null
  const { prefix, folder } = accelRedirect
  const option = prefix === null ? '--x-sendfile' : '--accel-redirect'
  const badPrefix =
    prefix !== null && (!plainPath.test(prefix.replace(/\/$/, '')) || !prefix.endsWith('/'))
  if (badPrefix || prefix?.startsWith('/-/')) {
    throw invalid(`--accel-redirect "${prefix}" is not like /handed/ (the location in nginx)`)
  }
  if ((options.front?.trustedProxies ?? []).length === 0) {
    throw invalid(`${option} needs --trusted-proxy: the address of your web server`)
  }
  if (options.uploadLimitBytesPerSecond !== null || options.maxClients !== null) {
    throw invalid(
      `${option} does not go with --upload-limit and --max-clients: use what the web server has, ` +
        'like limit_rate and limit_conn of nginx',
    )
  }
  if (isBelow(resolve(options.mirrorDir), resolve(folder))) {
    throw invalid('--accel-folder must not lie in the mirror, but on the same file system')
  }
  if (prefix === null && !plainPath.test(resolve(folder))) {
    throw invalid('--x-sendfile needs an --accel-folder of plain letters, digits, ".", "_" and "-"')
  }
  return { prefix, folder: resolve(folder) }
}

/** Throws MS_CONFIG_INVALID with the option that is wrong. */
export const checkOptions = (options: VolunteerOptions): CheckedOptions => {
  checkAmount('upload-limit', options.uploadLimitBytesPerSecond, 1)
  checkAmount('download-limit', options.downloadLimitBytesPerSecond, 1)
  checkAmount('quota', options.quotaBytes, 0)
  checkAmount('min-free', options.minFreeBytes, 0)
  checkAmount('max-clients', options.maxClients, 0)
  return {
    ...options,
    mirrorDir: resolve(options.mirrorDir),
    dataDir: resolve(options.dataDir),
    originUrl: checkUrl('origin', options.originUrl),
    publicUrl: options.publicUrl === null ? null : checkUrl('public-url', options.publicUrl),
    name: checkName(options.name),
    accelRedirect: checkAccel(options) ?? null,
    hours: options.hours === null ? null : parseHours(options.hours),
    networks: options.networks.map(parseNetwork),
    bootstrap: options.bootstrap === null ? null : checkRsyncSource(options.bootstrap),
  }
}

/** The URL that others use if the owner names none. */
export const urlOfListener = (
  listen: { readonly host: string; readonly port: number },
  https: boolean,
): string => {
  const anyHost = ['0.0.0.0', '::', ''].includes(listen.host)
  const host = anyHost ? hostname() : listen.host
  return `${https ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${listen.port}`
}

/** Where commands on this machine reach it: a certificate is good for the public name. */
export const urlOnThisMachine = (
  { listen, publicUrl, tls }: Pick<CheckedOptions, 'listen' | 'publicUrl' | 'tls'>,
  port: number,
): string => {
  if (tls !== null && publicUrl !== null) return publicUrl
  const local: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1', '': '127.0.0.1' }
  return urlOfListener({ host: local[listen.host] ?? listen.host, port }, tls !== null)
}
