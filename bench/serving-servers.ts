// The servers of bench/serving.ts: a volunteer that holds what an origin publishes, the same one behind
// nginx, and nginx on the same folder; all on one processor, asked for the same files by the same links.

import { linkSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { request } from 'undici'
import { waitUntil } from '../loadtest/deadline.ts'
import { Network } from '../loadtest/network.ts'
import { nginxCommand, volunteerFront } from '../loadtest/nginx.ts'
import { freePort } from '../loadtest/ports.ts'
import { runOrThrow } from '../loadtest/programs.ts'
import { Noise } from '../loadtest/sample/noise.ts'
import { type PinnedServer, serverProcessor, startPinned } from './redirects-load.ts'

/** Files of one size, which clients ask for in turn. */
export interface FileSet {
  readonly name: string
  readonly files: number
  readonly bytes: number
}

/** Where nginx asks from: clients of 127.0.0.1 are no proxies, and get the bytes from the volunteer. */
const proxyAddress = '127.0.0.9'

const pathsOf = ({ name, files }: FileSet): string[] =>
  Array.from({ length: files }, (_, index) => `pool/${name}/package-${index}_1.0-1_amd64.deb`)

const writeSet = (root: string, set: FileSet): void => {
  const sliceBytes = 2 ** 20
  for (const path of pathsOf(set)) {
    const noise = new Noise(path)
    const file = join(root, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, '')
    for (let done = 0; done < set.bytes; done += sliceBytes) {
      writeFileSync(file, noise.take(Math.min(sliceBytes, set.bytes - done)), { flag: 'a' })
    }
  }
}

/** The same files under another name, which cost no space; a volunteer finds its mirror full. */
const linkSet = (from: string, to: string, set: FileSet): void => {
  for (const path of pathsOf(set)) {
    mkdirSync(dirname(join(to, path)), { recursive: true })
    linkSync(join(from, path), join(to, path))
  }
}

export class ServingNetwork {
  readonly #network: Network
  readonly mirror: string
  #asked = 0

  private constructor(network: Network, mirror: string) {
    this.#network = network
    this.mirror = mirror
  }

  /** An origin and a volunteer without limits that holds all sets. */
  static async start(sets: readonly FileSet[]): Promise<ServingNetwork> {
    const network = await Network.prepare({ name: 'serving' })
    try {
      const mirror = join(network.folder, 'mirror')
      for (const set of sets) {
        writeSet(network.repository, set)
        linkSet(network.repository, mirror, set)
      }
      await network.origin.start()
      await network.waitForSnapshot(1)
      await network.addVolunteer({
        ...{ name: 'ada', mirror },
        args: ['--trusted-proxy', proxyAddress, '--accel-redirect', '/handed/'],
      })
      await network.waitForState('synced', { timeoutMs: 120_000 })
      const serving = new ServingNetwork(network, mirror)
      await serving.#settle()
      await serving.#pin()
      return serving
    } catch (error) {
      await network.stop()
      throw error
    }
  }

  get #volunteer() {
    const [volunteer] = this.#network.volunteers
    if (volunteer === undefined) throw new Error('there is no volunteer')
    return volunteer
  }

  get url(): string {
    return this.#volunteer.url
  }

  cpuSeconds(): number {
    return this.#volunteer.cpuSeconds()
  }

  peakResidentBytes(): number {
    return this.#volunteer.peakResidentBytes()
  }

  /** Wait until it has done what it does by the way: it looks for anchors in what it has found. */
  async #settle(): Promise<void> {
    let busy = this.cpuSeconds()
    await waitUntil(
      'the volunteer is idle',
      async () => {
        const before = busy
        busy = this.cpuSeconds()
        return busy - before < 0.05
      },
      { timeoutMs: 300_000, everyMs: 1_000 },
    )
  }

  /** All its threads. */
  async #pin(): Promise<void> {
    for (const pid of this.#volunteer.processes()) {
      await runOrThrow('taskset', ['-a', '-c', '-p', serverProcessor, String(pid)])
    }
  }

  /** A process that has not served anything yet. */
  async restart(): Promise<void> {
    await this.#volunteer.stop()
    await this.#volunteer.start()
    await this.#network.waitForState('synced')
    await this.#settle()
    await this.#pin()
  }

  /** A set's links as the origin makes them now: path and query. */
  async links(set: FileSet): Promise<string[]> {
    this.#asked++
    const found: string[] = []
    for (const path of pathsOf(set)) {
      const { statusCode, headers, body } = await request(`${this.#network.origin.url}/${path}`, {
        // Another name each time: who repeats a path is served by another server.
        headers: { 'user-agent': `bench ${this.#asked}` },
      })
      await body.dump()
      const { location } = headers
      if (typeof location !== 'string') throw new Error(`the origin answers ${statusCode}`)
      const url = new URL(location)
      found.push(`${url.pathname}${url.search}`)
    }
    return found
  }

  stop(): Promise<void> {
    return this.#network.stop()
  }
}

/** nginx with these server blocks, in one process on the servers' processor. */
const startNginx = (name: string, folder: string, port: number, blocks: string) => {
  const started = ['sh', '-c', 'echo "ready $0"; exec "$@"', `http://127.0.0.1:${port}`]
  const command = nginxCommand(
    join(folder, name.replaceAll(/\W+/g, '-')),
    blocks,
    'access_log off; keepalive_requests 1000000000; sendfile on; tcp_nopush on;',
  )
  return startPinned(name, [...started, ...command], /^ready (\S+)$/m)
}

/** nginx on a folder, as Debian sets it up. */
export const startNginxOn = async (folder: string, root: string): Promise<PinnedServer> => {
  const port = await freePort()
  const block = `server { listen 127.0.0.1:${port}; root ${root}; }`
  return startNginx('nginx', folder, port, block)
}

/** nginx in front of the volunteer, by deploy/nginx/, from the address of a trusted proxy. */
export const startFrontOf = async (
  folder: string,
  { url, mirror }: Pick<ServingNetwork, 'url' | 'mirror'>,
): Promise<PinnedServer> => {
  const port = await freePort()
  const volunteerPort = Number(new URL(url).port)
  const front = volunteerFront({ port, volunteerPort, handedFolder: `${mirror}.handed` })
  const bound = front.replace('location / {', `location / { proxy_bind ${proxyAddress};`)
  return startNginx('volunteer + nginx', folder, port, bound)
}
