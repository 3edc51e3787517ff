// Configurations for a real nginx, which tests and benches start themselves: one process in the
// foreground with all its files in a folder, around server blocks like those in deploy/nginx/.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from './programs.ts'

/** An example of deploy/nginx/, as it stands there. */
export const nginxExample = (name: 'volunteer.conf' | 'origin.conf'): string =>
  readFileSync(new URL(`../deploy/nginx/${name}`, import.meta.url), 'utf8')

export interface VolunteerFront {
  /** Of 127.0.0.1, where nginx listens. */
  readonly port: number
  /** Of 127.0.0.1, where the volunteer listens. */
  readonly volunteerPort: number
  /** Where the volunteer puts what nginx sends: its --accel-folder. */
  readonly handedFolder: string
}

/** The example for a volunteer that was started with --accel-redirect /handed/, with these places. */
export const volunteerFront = ({ port, volunteerPort, handedFolder }: VolunteerFront): string =>
  nginxExample('volunteer.conf')
    .replaceAll('127.0.0.1:8090', `127.0.0.1:${volunteerPort}`)
    .replace('listen 80;', `listen 127.0.0.1:${port};`)
    .replace('alias /srv/mirror.handed/;', `alias ${handedFolder}/;`)

/**
 * Write a whole configuration into `folder`, with more directives for its http block; returns the
 * command that runs it.
 */
export const nginxCommand = (
  folder: string,
  serverBlocks: string,
  http = 'access_log off;',
): readonly [string, ...string[]] => {
  mkdirSync(folder, { recursive: true })
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const paths = temporary.map(kind => `${kind}_temp_path ${folder}/${kind};`)
  const file = join(folder, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
    events { worker_connections 4096; } http { ${http} ${paths.join(' ')} ${serverBlocks} }`,
  )
  const program = findProgram('nginx') ?? 'nginx'
  return [program, '-p', folder, '-e', `${folder}/error.log`, '-c', file]
}
