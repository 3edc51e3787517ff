// A real rsync daemon on loopback, for tests and benches.

import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { waitUntil } from './deadline.ts'
import { freePort } from './ports.ts'
import { ProcessGroup } from './process-group.ts'

export interface RsyncDaemon {
  /** `rsync://127.0.0.1:PORT/repository` */
  readonly url: string
  stop(): Promise<void>
}

const accepts = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })

/** Serve `root` as the module "repository"; `folder` takes the configuration. */
export const startRsyncDaemon = async (root: string, folder: string): Promise<RsyncDaemon> => {
  const port = await freePort()
  mkdirSync(folder, { recursive: true })
  const config = join(folder, 'rsyncd.conf')
  // A daemon of root's would become nobody, who may not read the temporary folder.
  const user = process.getuid?.() === 0 ? ['uid = 0', 'gid = 0'] : []
  const settings = ['use chroot = no', ...user, '[repository]', `path = ${root}`, 'read only = yes']
  writeFileSync(config, `${settings.join('\n')}\n`)
  const daemon = new ProcessGroup('rsync', [
    ...['--daemon', '--no-detach', '--address=127.0.0.1', `--port=${port}`],
    `--config=${config}`,
  ])
  await waitUntil('the rsync daemon', () => accepts(port))
  return {
    url: `rsync://127.0.0.1:${port}/repository`,
    stop: async () => {
      daemon.signal('SIGTERM')
      await daemon.exited
    },
  }
}
