// Stock BitTorrent clients that would seed for ever: started on one torrent, and ended when it is complete.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../ports.ts'
import {
  type ProgramName,
  type ProgramResult,
  plainEnvironment,
  type RunOptions,
  run,
} from '../programs.ts'

/** Where a client keeps its settings, and what it calls when it has finished. */
const prepare = (home: string): { readonly finish: string; readonly finished: string } => {
  mkdirSync(home, { recursive: true })
  // It is not the parent of what it runs when it has finished.
  const [finish, finished] = [join(home, 'finish'), join(home, 'finished')]
  writeFileSync(finish, `#!/bin/sh\n: >'${finished}'\n`, { mode: 0o700 })
  return { finish, finished }
}

/** Run a program until a file is there. */
const runUntil = async (
  finished: string,
  program: ProgramName,
  args: readonly string[],
  options: RunOptions,
): Promise<ProgramResult> => {
  const stop = new AbortController()
  const looking = setInterval(() => existsSync(finished) && stop.abort(), 50)
  try {
    const signal = AbortSignal.any([stop.signal, ...(options.signal ? [options.signal] : [])])
    return await run(program, args, { ...options, signal })
  } finally {
    clearInterval(looking)
  }
}

/**
 * `transmission-cli` on a .torrent file or a magnet link: downloads into `folder` and ends without
 * seeding. Its settings are made in `home`: it talks to nobody but trackers and the peers they name.
 */
export const transmissionTorrent = (
  torrent: string,
  folder: string,
  home: string,
  options: RunOptions = {},
): Promise<ProgramResult> => {
  const { finish, finished } = prepare(home)
  const off = ['dht', 'lpd', 'pex', 'utp', 'port-forwarding', 'blocklist']
  const settings = Object.fromEntries(off.map(name => [`${name}-enabled`, false]))
  writeFileSync(join(home, 'settings.json'), JSON.stringify(settings))
  const args = [
    ...['--config-dir', home, '--no-portmap', '--finish', finish],
    ...['--download-dir', folder, torrent],
  ]
  const env = plainEnvironment({ HOME: home })
  return runUntil(finished, 'transmission-cli', args, { env, ...options })
}

/** The same with `qbittorrent-nox`. */
export const qbittorrentTorrent = async (
  torrent: string,
  folder: string,
  home: string,
  options: RunOptions = {},
): Promise<ProgramResult> => {
  const { finish, finished } = prepare(home)
  const config = join(home, 'qBittorrent/config')
  mkdirSync(config, { recursive: true })
  const settings = [
    ...['[LegalNotice]', 'Accepted=true', '[AutoRun]', 'enabled=true', `program=${finish}`],
    ...['[Network]', 'PortForwardingEnabled=false', '[BitTorrent]'],
    ...['DHT', 'LSD', 'PeX'].map(name => `Session\\${name}Enabled=false`),
    // Else it asks no tracker on loopback but at /announce.
    'Session\\SSRFMitigation=false',
    ...[`Session\\Port=${await freePort()}`, ''],
  ]
  writeFileSync(join(config, 'qBittorrent.conf'), settings.join('\n'))
  const args = [
    ...[`--profile=${home}`, `--save-path=${folder}`, '--skip-dialog=true'],
    ...[`--webui-port=${await freePort()}`, torrent],
  ]
  const env = plainEnvironment({ HOME: home })
  return runUntil(finished, 'qbittorrent-nox', args, { env, ...options })
}
