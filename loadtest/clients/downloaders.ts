// wget, curl and aria2c as people call them, free of the user's own settings.

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
