// wget, curl, aria2c and transmission-cli as people call them, free of the user's own settings.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ProgramResult, plainEnvironment, type RunOptions, run } from '../programs.ts'

/** `wget`, with `-c` to resume what lies in `file`. */
export const wget = (
  url: string,
  file: string,
  options: RunOptions & { readonly resume?: boolean; readonly args?: readonly string[] } = {},
): Promise<ProgramResult> =>
  run(
    'wget',
    [
      ...['--no-config', '--no-verbose', '--tries=3', '--timeout=20'],
      ...(options.resume === true ? ['-c'] : []),
      ...(options.args ?? []),
      ...['-O', file, url],
    ],
    { env: plainEnvironment(), ...options },
  )

/** `curl -L`, with `-C -` to resume what lies in `file`. */
export const curl = (
  url: string,
  file: string,
  options: RunOptions & { readonly resume?: boolean; readonly args?: readonly string[] } = {},
): Promise<ProgramResult> =>
  run(
    'curl',
    [
      ...['-q', '--silent', '--show-error', '--fail', '--location', '--path-as-is'],
      ...(options.resume === true ? ['-C', '-'] : []),
      ...(options.args ?? []),
      ...['-o', file, url],
    ],
    { env: plainEnvironment(), ...options },
  )

/** `aria2c` on a .torrent file: downloads into `folder` and ends without seeding. */
export const aria2Torrent = (
  torrent: string,
  folder: string,
  options: RunOptions & { readonly args?: readonly string[] } = {},
): Promise<ProgramResult> =>
  run(
    'aria2c',
    [
      '--no-conf',
      '--enable-dht=false',
      '--enable-dht6=false',
      '--bt-enable-lpd=false',
      '--enable-peer-exchange=false',
      '--seed-time=0',
      '--file-allocation=none',
      '--summary-interval=0',
      '--console-log-level=notice',
      ...(options.args ?? []),
      ...['--dir', folder, torrent],
    ],
    { env: plainEnvironment(), ...options },
  )

/**
 * `transmission-cli` on a .torrent file: downloads into `folder` and ends without seeding. Its settings
 * are made in `home`: it talks to nobody but trackers and the peers they name.
 */
export const transmissionTorrent = async (
  torrent: string,
  folder: string,
  home: string,
  options: RunOptions = {},
): Promise<ProgramResult> => {
  mkdirSync(home, { recursive: true })
  const off = ['dht', 'lpd', 'pex', 'utp', 'port-forwarding', 'blocklist']
  const settings = Object.fromEntries(off.map(name => [`${name}-enabled`, false]))
  writeFileSync(join(home, 'settings.json'), JSON.stringify(settings))
  // It would seed for ever, and is not the parent of what it runs when it has finished.
  const [finish, finished] = [join(home, 'finish'), join(home, 'finished')]
  writeFileSync(finish, `#!/bin/sh\n: >'${finished}'\n`, { mode: 0o700 })
  const args = [
    ...['--config-dir', home, '--no-portmap', '--finish', finish],
    ...['--download-dir', folder, torrent],
  ]
  const stop = new AbortController()
  const looking = setInterval(() => existsSync(finished) && stop.abort(), 50)
  try {
    const signal = AbortSignal.any([stop.signal, ...(options.signal ? [options.signal] : [])])
    const env = plainEnvironment({ HOME: home })
    return await run('transmission-cli', args, { env, ...options, signal })
  } finally {
    clearInterval(looking)
  }
}
