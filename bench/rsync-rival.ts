// The rival for synchronisation: one rsync daemon and as many rsync clients as there are volunteers,
// all at the same time, on the same tree.

import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { readTree, treeDifferences } from '../loadtest/compare-trees.ts'
import { waitUntil } from '../loadtest/deadline.ts'
import { temporaryFolder } from '../loadtest/leftovers.ts'
import { freePort } from '../loadtest/ports.ts'
import { ProcessGroup } from '../loadtest/process-group.ts'
import { runOrThrow } from '../loadtest/programs.ts'

export interface RsyncResult {
  readonly durationMs: number
  /** What the daemon sent to all clients together. */
  readonly sentBytes: number
}

const accepts = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })

/** Let `clients` rsync processes copy `root` at once from one rsync daemon, and check the copies. */
export const rsyncRival = async (root: string, clients: number): Promise<RsyncResult> => {
  const folder = temporaryFolder('rsync')
  const port = await freePort()
  const config = join(folder.path, 'rsyncd.conf')
  // A daemon of root's would become nobody, who may not read the temporary folder.
  const user = process.getuid?.() === 0 ? ['uid = 0', 'gid = 0'] : []
  const settings = ['use chroot = no', ...user, '[repository]', `path = ${root}`, 'read only = yes']
  writeFileSync(config, `${settings.join('\n')}\n`)
  const daemon = new ProcessGroup('rsync', [
    ...['--daemon', '--no-detach', '--address=127.0.0.1', `--port=${port}`],
    `--config=${config}`,
  ])
  try {
    await waitUntil('the rsync daemon', () => accepts(port))
    const targets = Array.from({ length: clients }, (_, index) => join(folder.path, `${index}`))
    for (const target of targets) mkdirSync(target)
    const started = performance.now()
    const results = await Promise.all(
      targets.map(target =>
        runOrThrow(
          'rsync',
          ['-a', '--stats', '--no-human-readable', `rsync://127.0.0.1:${port}/repository/`, target],
          { timeoutMs: 1_800_000 },
        ),
      ),
    )
    const durationMs = performance.now() - started
    const expected = await readTree(root)
    for (const target of targets) {
      const differences = treeDifferences(expected, await readTree(target))
      if (differences.length > 0) throw new Error(`rsync: ${differences[0]}`)
    }
    let sentBytes = 0
    for (const { stdout } of results) {
      sentBytes += Number(/Total bytes received: (\d+)/.exec(stdout)?.[1] ?? Number.NaN)
    }
    return { durationMs, sentBytes }
  } finally {
    daemon.signal('SIGTERM')
    await daemon.exited
    folder.remove()
  }
}
