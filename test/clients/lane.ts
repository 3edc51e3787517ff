// A network in which cells of the matrix run one after the other: an origin that prefers the volunteer
// whose front is going to fail, and another that holds the same.

import { readFileSync } from 'node:fs'
import { waitUntil } from '../../loadtest/deadline.ts'
import { Network } from '../../loadtest/network.ts'
import { freePort } from '../../loadtest/ports.ts'
import { Front, type Sent } from './front.ts'
import { ClientLine } from './line.ts'

/** The zone of rescue names, and the hosts file that it needs. */
export const rescueZone = 'rescue.example.org'

const hosts = { faulty: '127.0.0.2', healthy: '127.0.0.3' } as const

export const hostsFile = [
  '127.0.0.1 localhost',
  ...Object.entries(hosts).flatMap(([name, address]) => [
    `${address} ${name}.${rescueZone}`,
    `127.0.0.1 ${name}.${rescueZone}`,
    `${address} only-${name}.${rescueZone}`,
  ]),
  '',
].join('\n')

/** Whether this process sees that hosts file. */
export const hasRescueHosts = (): boolean => readFileSync('/etc/hosts', 'utf8') === hostsFile

/** How redirects name the faulty volunteer: by its address, or by its rescue name. */
export type LaneKind = 'plain' | 'rescue'

export interface LaneOptions {
  readonly repository: string
  readonly kind: LaneKind
}

export class Lane {
  readonly network: Network
  readonly faulty: Front
  readonly #healthy: Front
  readonly kind: LaneKind
  /** Where its clients reach the origin, one after the other. */
  readonly #linePort: number

  private constructor(
    network: Network,
    [faulty, healthy]: readonly [Front, Front],
    { kind, linePort }: { readonly kind: LaneKind; readonly linePort: number },
  ) {
    this.network = network
    this.faulty = faulty
    this.#healthy = healthy
    this.kind = kind
    this.#linePort = linePort
  }

  static async start({ repository, kind }: LaneOptions): Promise<Lane> {
    const port = await freePort()
    const linePort = await freePort()
    // A volunteer's rescue name leads to the origin on the volunteer's port, past the line.
    const publicPort = kind === 'rescue' ? port : linePort
    const network = await Network.start({
      name: 'clients',
      port,
      repository,
      originArgs: [
        ...['--prefer', '127.0.0.0/8=faulty', '--announce-interval', '1s'],
        // Only those looks at volunteers that follow a client's return.
        ...['--audit-interval', '1h'],
        ...['--public-url', `http://127.0.0.1:${publicPort}/`],
        ...(kind === 'rescue' ? ['--rescue-zone', rescueZone] : []),
      ],
    })
    try {
      const token = await network.createToken(2)
      const fronts: Front[] = []
      for (const [name, host] of Object.entries(hosts)) {
        const volunteer = await network.prepareVolunteer(token, {
          name,
          args: ['--public-url', `http://${host}:${port}/`],
        })
        // The front must answer while the volunteer enrols, which needs the port it will have.
        fronts.push(await Front.start(host, port, volunteer.listenPort))
      }
      await Promise.all(network.volunteers.map(volunteer => volunteer.start()))
      const lane = new Lane(network, fronts as [Front, Front], { kind, linePort })
      await lane.settle()
      return lane
    } catch (error) {
      await network.stop()
      throw error
    }
  }

  /** A new client's line to this lane's origin; there is one at a time. */
  line(): Promise<ClientLine> {
    return ClientLine.start(this.#linePort, Number(new URL(this.network.origin.url).port))
  }

  /** Whether the client that has this line was sent to the faulty volunteer first. */
  wentToFaulty(line: ClientLine): boolean {
    return line.sentTo.find(host => host !== '127.0.0.1')?.startsWith(this.#faultyHost) ?? false
  }

  /** What both volunteers were asked for and answered since the last cell. */
  get sent(): readonly Sent[] {
    return [...this.faulty.sent, ...this.#healthy.sent]
  }

  /** Nothing is wrong any more, the operator has enabled both, and the origin believes it. */
  async settle(): Promise<void> {
    await this.faulty.set(null)
    await this.#healthy.set(null)
    await waitUntil(
      'both volunteers get redirects',
      async () => {
        const lines = await this.network.lines()
        const bad = lines.filter(({ state }) => state === 'quarantined')
        for (const { name } of bad) await this.#enable(name)
        const ready = lines.length === 2 && lines.every(({ state }) => state === 'synced')
        return ready && (await this.#isPreferred())
      },
      { everyMs: 200, timeoutMs: 60_000, details: () => this.network.report() },
    )
  }

  async stop(): Promise<void> {
    await Promise.all([this.faulty.stop(), this.#healthy.stop()])
    await this.network.stop()
  }

  get #faultyHost(): string {
    return this.kind === 'rescue' ? `faulty.${rescueZone}` : hosts.faulty
  }

  async #enable(name: string): Promise<void> {
    const answer = await fetch(`${this.network.origin.url}/-/v1/volunteers/${name}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await this.network.operatorToken()}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ action: 'enable' }),
    })
    await answer.body?.cancel()
  }

  /** Whether new clients are sent to the faulty volunteer now (in this lane's way). */
  async #isPreferred(): Promise<boolean> {
    const line = await this.line()
    try {
      const answer = await fetch(`${line.url}/file.bin`, { redirect: 'manual' })
      await answer.body?.cancel()
      const first = new URL(answer.headers.get('location') ?? 'http://nobody/').hostname
      return first === this.#faultyHost
    } finally {
      await line.stop()
    }
  }
}
