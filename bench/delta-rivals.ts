// The rivals of the delta bench: an rsync daemon and a zsync behind nginx, each through a proxy that
// counts every byte of TCP payload in both directions. What they build is compared with the target.

import { copyFile, mkdir, open, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { hashFile } from '../loadtest/compare-trees.ts'
import { waitUntil } from '../loadtest/deadline.ts'
import { type TemporaryFolder, temporaryFolder } from '../loadtest/leftovers.ts'
import { freePort } from '../loadtest/ports.ts'
import { ProcessGroup } from '../loadtest/process-group.ts'
import { findProgram, missing, run } from '../loadtest/programs.ts'
import { TcpProxy } from '../loadtest/tcp-proxy.ts'
import { linkFile } from './data-sets/cache.ts'

export interface RivalResult {
  /** Both directions. */
  readonly bytes: number
  /** Of client and server together. */
  readonly cpuSeconds: number
  /** Of that, the server's: rsync's sender is one, which does the matching. */
  readonly serverCpuSeconds: number
  /** False: what it built is not the target, so its figures are no measure. */
  readonly isTarget: boolean
}

const accepts = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })

// The shell's own `times` tells what its children used.
const runTimed = async (
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<{ status: number | null; cpuSeconds: number; stderr: string }> => {
  const script = '"$0" "$@"; status=$?; times >&2; exit $status'
  const { status, stderr } = await run('sh', ['-c', script, program, ...args], {
    timeoutMs: 1_800_000,
    cwd,
  })
  const last = stderr.trimEnd().split('\n').at(-1) ?? ''
  let cpuSeconds = 0
  for (const [, minutes = '0', seconds = '0'] of last.matchAll(/(\d+)m([\d.]+)s/g)) {
    cpuSeconds += Number(minutes) * 60 + Number(seconds)
  }
  return { status, cpuSeconds, stderr }
}

const startBehindProxy = async (
  server: ProcessGroup,
  name: string,
  port: number,
): Promise<TcpProxy> => {
  await waitUntil(name, () => {
    if (server.ended) throw new Error(`${name} ended: ${server.stderr}`)
    return accepts(port)
  })
  return await TcpProxy.start({ host: '127.0.0.1', port })
}

/** A server with its proxy, and how to count one job of its client. */
class Served {
  readonly proxy: TcpProxy
  readonly #server: ProcessGroup

  constructor(server: ProcessGroup, proxy: TcpProxy) {
    this.#server = server
    this.proxy = proxy
  }

  /** Run beside the target: what a client that was ended leaves (zsync: rcksum-…) goes with it. */
  async count(
    target: { file: string; sha256: string },
    program: string,
    args: readonly string[],
  ): Promise<RivalResult> {
    const { proxy } = this
    const bytesBefore = proxy.sentBytes + proxy.receivedBytes
    const cpuBefore = this.#server.cpuSeconds()
    const { status, cpuSeconds, stderr } = await runTimed(program, args, dirname(target.file))
    if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr.slice(-500)}`)
    const serverCpuSeconds = this.#server.cpuSeconds() - cpuBefore
    return {
      bytes: proxy.sentBytes + proxy.receivedBytes - bytesBefore,
      cpuSeconds: cpuSeconds + serverCpuSeconds,
      serverCpuSeconds,
      isTarget: (await hashFile(target.file)) === target.sha256,
    }
  }

  async stop(): Promise<void> {
    this.#server.signal('SIGTERM')
    await this.#server.exited
    await this.proxy.stop()
  }
}

/** The rsync daemon, which serves `folder`. */
const startRsync = async (folder: string, work: string): Promise<Served> => {
  const port = await freePort()
  const config = join(work, 'rsyncd.conf')
  // A daemon of root's would become nobody, who may not read the temporary folder.
  const user = process.getuid?.() === 0 ? ['uid = 0', 'gid = 0'] : []
  const log = `log file = ${join(work, 'rsyncd.log')}`
  const settings = ['use chroot = no', log, ...user, '[d]', `path = ${folder}`, 'read only = yes']
  await writeFile(config, `${settings.join('\n')}\n`)
  const daemon = new ProcessGroup('rsync', [
    ...['--daemon', '--no-detach', '--address=127.0.0.1', `--port=${port}`],
    `--config=${config}`,
  ])
  return new Served(daemon, await startBehindProxy(daemon, 'the rsync daemon', port))
}

/** nginx, which answers ranges as zsync asks for them: many in one request. */
const startNginx = async (folder: string, work: string): Promise<Served> => {
  const port = await freePort()
  const config = join(work, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    name => `${name}_temp_path ${join(work, name)};`,
  )
  await writeFile(
    config,
    `daemon off; master_process off; pid ${join(work, 'nginx.pid')};
error_log ${join(work, 'nginx.log')};
events {}
http { access_log off; ${temporary.join(' ')}
  server { listen 127.0.0.1:${port}; root ${folder}; } }
`,
  )
  const program = findProgram('nginx') ?? 'nginx'
  const server = new ProcessGroup(program, ['-c', config, '-e', join(work, 'nginx.log')])
  return new Served(server, await startBehindProxy(server, 'nginx', port))
}

const isGzip = async (file: string): Promise<boolean> => {
  const handle = await open(file)
  try {
    const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0)
    return buffer.readUInt16BE() === 0x1f8b
  } finally {
    await handle.close()
  }
}

export interface RivalResults {
  readonly rsync: RivalResult | null
  readonly rsyncZ: RivalResult | null
  readonly zsync: RivalResult | null
}

export class Rivals {
  readonly #folder: TemporaryFolder
  readonly #served: string
  readonly #rsync: Served | null
  readonly #zsync: Served | null

  private constructor(folder: TemporaryFolder, rsync: Served | null, zsync: Served | null) {
    this.#folder = folder
    this.#served = join(folder.path, 'served')
    this.#rsync = rsync
    this.#zsync = zsync
  }

  /** Start what is installed; `say` is told what is not. */
  static async start(say: (text: string) => void): Promise<Rivals> {
    const folder = temporaryFolder('rivals')
    const served = join(folder.path, 'served')
    await mkdir(served)
    const noRsync = missing('rsync')
    const noZsync = missing('zsync', 'zsyncmake', 'nginx')
    for (const reason of [noRsync, noZsync]) if (reason !== false) say(`left out: ${reason}`)
    const rsync = noRsync === false ? await startRsync(served, folder.path) : null
    const zsync = noZsync === false ? await startNginx(served, folder.path) : null
    return new Rivals(folder, rsync, zsync)
  }

  /** What each of them needs to make `newFile` where only the basis files are. */
  async measure(oldFile: string, newFile: string): Promise<RivalResults> {
    return {
      rsync: await this.measureRsync(oldFile, newFile, []),
      rsyncZ: await this.measureRsync(oldFile, newFile, ['-z']),
      zsync: await this.measureZsync([oldFile], newFile),
    }
  }

  /** rsync alone, with further options. */
  async measureRsync(
    oldFile: string,
    newFile: string,
    options: readonly string[],
  ): Promise<RivalResult | null> {
    const rsync = this.#rsync
    if (rsync === null) return null
    const sha256 = await hashFile(newFile)
    const target = join(this.#served, 'target.bin')
    await rm(target, { force: true })
    await linkFile(newFile, target)
    const file = join(this.#folder.path, 'copy.bin')
    await copyFile(oldFile, file)
    try {
      return await rsync.count({ file, sha256 }, 'rsync', [
        ...['-I', '--no-whole-file', ...options],
        ...[`rsync://127.0.0.1:${rsync.proxy.port}/d/target.bin`, file],
      ])
    } finally {
      await rm(file, { force: true })
    }
  }

  /** zsync alone, which can take any number of bases. */
  async measureZsync(bases: readonly string[], newFile: string): Promise<RivalResult | null> {
    const zsync = this.#zsync
    if (zsync === null) return null
    const target = join(this.#served, 'target.bin')
    const control = join(this.#served, 'target.zsync')
    const folder = join(this.#folder.path, 'zsync')
    await mkdir(folder)
    try {
      await rm(target, { force: true })
      await linkFile(newFile, target)
      const made = await run('zsyncmake', ['-u', 'target.bin', '-o', control, target], {
        cwd: folder,
        timeoutMs: 600_000,
      })
      if (made.status !== 0) throw new Error(`zsyncmake: ${made.stderr.slice(-500)}`)
      const seeds: string[] = []
      for (const [index, basis] of bases.entries()) {
        // It looks inside seeds of this name only.
        const seed = join(folder, `seed-${index}${(await isGzip(basis)) ? '.gz' : ''}`)
        await linkFile(basis, seed)
        seeds.push('-i', seed)
      }
      const file = join(folder, 'out.bin')
      const url = `http://127.0.0.1:${zsync.proxy.port}/target.zsync`
      const sha256 = await hashFile(newFile)
      return await zsync.count({ file, sha256 }, 'zsync', ['-q', ...seeds, '-o', file, url])
    } finally {
      await rm(folder, { recursive: true, force: true })
      await rm(control, { force: true })
    }
  }

  async stop(): Promise<void> {
    await this.#rsync?.stop()
    await this.#zsync?.stop()
    this.#folder.remove()
  }
}
