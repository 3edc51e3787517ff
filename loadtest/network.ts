// A whole network of real processes on loopback: one origin, any number of volunteers with their
// tokens, in a temporary folder. Tests, benches and the demo drive it from outside, by what
// commands and URLs offer, and it leaves nothing behind.

import { mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { commandFile, Daemon } from './daemon.ts'
import { waitUntil } from './deadline.ts'
import { type TemporaryFolder, temporaryFolder } from './leftovers.ts'
import { type MetricSeries, parseMetrics, sumOf } from './metrics.ts'
import { freePort } from './ports.ts'
import { type ProgramResult, plainEnvironment, run } from './programs.ts'

/** How long tokens are good: longer than any network runs. */
const tokenMs = 24 * 3_600_000

/** One line of `GET /-/v1/volunteers`, as far as this folder uses it. */
export interface VolunteerLine {
  readonly name: string
  readonly url: string
  readonly state: string
  readonly snapshot: number | null
  readonly heldFiles: number
  readonly heldBytes: number
  readonly wantedBytes: number
  readonly clientBytesPerSecond: number
  readonly activeClients: number
  readonly reasons: readonly string[]
}

export interface NetworkOptions {
  /** For the temporary folder's name. */
  readonly name: string
  /** The folder to publish; without it an empty one is made inside the network's folder. */
  readonly repository?: string
  readonly originArgs?: readonly string[]
  /** Another program that takes the arguments of the origin, for benches. */
  readonly originProgram?: string
  /** Where the origin listens on 127.0.0.1; missing: any free port. */
  readonly port?: number
}

export interface VolunteerOptions {
  readonly name?: string
  /** The mirror folder; without it a new one is made. */
  readonly mirror?: string
  readonly args?: readonly string[]
  /** What the volunteer believes the origin's URL to be (a proxy's, say). */
  readonly originUrl?: string
}

/** A volunteer's process with its folders. */
export class Volunteer extends Daemon {
  readonly mirror: string
  readonly data: string
  /** The port of 127.0.0.1 on which it listens unless its arguments say otherwise. */
  readonly listenPort: number

  constructor(
    name: string,
    { mirror, data, port }: { mirror: string; data: string; port: number },
    args: readonly string[],
  ) {
    super({ name, args })
    this.listenPort = port
    this.mirror = mirror
    this.data = data
  }
}

export class Network {
  readonly folder: string
  readonly repository: string
  readonly data: string
  readonly origin: Daemon
  readonly volunteers: Volunteer[] = []
  readonly #temporary: TemporaryFolder

  private constructor(temporary: TemporaryFolder, options: NetworkOptions, port: number) {
    this.#temporary = temporary
    this.folder = temporary.path
    this.repository = options.repository ?? join(this.folder, 'repository')
    this.data = join(this.folder, 'origin-data')
    mkdirSync(this.repository, { recursive: true })
    this.origin = new Daemon({
      name: 'origin',
      ...(options.originProgram === undefined ? {} : { program: options.originProgram }),
      args: [
        'origin',
        this.repository,
        ...['--data', this.data, '--listen', `127.0.0.1:${port}`],
        ...(options.originArgs ?? []),
      ],
    })
  }

  /** Prepare folders and a port; nothing runs yet. */
  static async prepare(options: NetworkOptions): Promise<Network> {
    return new Network(temporaryFolder(options.name), options, options.port ?? (await freePort()))
  }

  /** Prepare and start the origin; the repository must be filled before. */
  static async start(options: NetworkOptions): Promise<Network> {
    const network = await Network.prepare(options)
    try {
      await network.origin.start()
    } catch (error) {
      await network.stop()
      throw error
    }
    return network
  }

  /** Run a short command, such as `publish`, to its end. */
  command(...args: readonly string[]): Promise<ProgramResult> {
    return run(process.execPath, [commandFile, ...args], { env: plainEnvironment() })
  }

  /** A command that acts on this origin's data folder and must succeed; its output as JSON. */
  async operate(...args: readonly string[]): Promise<unknown> {
    const result = await this.command(...args, '--data', this.data, '--json')
    if (result.status !== 0) {
      throw new Error(`${args.join(' ')} failed: ${result.stderr}${result.stdout}`)
    }
    const parsed: unknown = JSON.parse(result.stdout)
    return parsed
  }

  /** The secret with which an operator acts over HTTP. */
  async operatorToken(): Promise<string> {
    return (await readFile(join(this.data, 'operator-token'), 'utf8')).trim()
  }

  /** The operator may read everything, also where clients need credentials. */
  async #asOperator(): Promise<Record<string, string>> {
    return { authorization: `Bearer ${await this.operatorToken()}` }
  }

  /** A token with which `uses` volunteers may enrol. */
  async createToken(uses: number): Promise<string> {
    const answer = this.#speaksHttp
      ? await this.#ask('tokens', { uses, expiresMs: Date.now() + tokenMs })
      : await this.operate('token', 'create', '--uses', String(uses))
    if (typeof answer === 'object' && answer !== null && 'token' in answer) {
      return String(answer.token)
    }
    throw new Error(`token create answered ${JSON.stringify(answer)}`)
  }

  /** Where it does, no command is needed: starting one costs more than most of what it does. */
  get #speaksHttp(): boolean {
    return this.origin.running && this.origin.url.startsWith('http:')
  }

  /** What the operator asks over HTTP, as the commands do while the origin runs. */
  async #ask(what: string, message: object): Promise<unknown> {
    const answer = await fetch(`${this.origin.url}/-/v1/${what}`, {
      method: 'POST',
      headers: { ...(await this.#asOperator()), 'content-type': 'application/json' },
      body: JSON.stringify(message),
    })
    const body = await answer.text()
    if (!answer.ok) throw new Error(`${what} answered ${answer.status}: ${body}`)
    const parsed: unknown = JSON.parse(body)
    return parsed
  }

  /** Prepare a volunteer with its own port and folders, without starting it. */
  async prepareVolunteer(token: string, options: VolunteerOptions = {}): Promise<Volunteer> {
    const name = options.name ?? `volunteer-${this.volunteers.length + 1}`
    const mirror = options.mirror ?? join(this.folder, `${name}-mirror`)
    const data = join(this.folder, `${name}-data`)
    mkdirSync(mirror, { recursive: true })
    const origin = options.originUrl ?? this.origin.url
    const port = await freePort()
    const listen = `127.0.0.1:${port}`
    const volunteer = new Volunteer(name, { mirror, data, port }, [
      'volunteer',
      mirror,
      ...['--origin', origin, '--token', token, '--data', data, '--name', name],
      ...['--listen', listen, '--public-url', `http://${listen}/`],
      ...(options.args ?? []),
    ])
    this.volunteers.push(volunteer)
    return volunteer
  }

  /** Enrol and start volunteers, all at the same time. */
  async addVolunteers(count: number, options: VolunteerOptions = {}): Promise<Volunteer[]> {
    const token = await this.createToken(count)
    const added: Volunteer[] = []
    for (let index = 0; index < count; index++) {
      added.push(await this.prepareVolunteer(token, options))
    }
    await Promise.all(added.map(volunteer => volunteer.start()))
    return added
  }

  async addVolunteer(options: VolunteerOptions = {}): Promise<Volunteer> {
    const token = await this.createToken(1)
    const volunteer = await this.prepareVolunteer(token, options)
    await volunteer.start()
    return volunteer
  }

  /** `GET /-/v1/volunteers` of the origin. */
  async lines(): Promise<readonly VolunteerLine[]> {
    const headers = await this.#asOperator()
    const answer = await fetch(`${this.origin.url}/-/v1/volunteers`, { headers })
    const body = (await answer.json()) as { volunteers: VolunteerLine[] }
    return body.volunteers
  }

  /** The snapshot that the origin's head names, or 0 before the first. */
  async headSnapshot(): Promise<number> {
    const headers = await this.#asOperator()
    const answer = await fetch(`${this.origin.url}/-/v1/head`, { headers })
    if (!answer.ok) {
      await answer.body?.cancel()
      return 0
    }
    const document = (await answer.json()) as { payload: string }
    return (JSON.parse(document.payload) as { snapshot: number }).snapshot
  }

  /** Wait until the origin has published snapshot `number` or a later one. */
  async waitForSnapshot(number: number, timeoutMs = 120_000): Promise<void> {
    await waitUntil(`snapshot ${number}`, async () => (await this.headSnapshot()) >= number, {
      timeoutMs,
      everyMs: 100,
      details: () => this.report(),
    })
  }

  /** A new snapshot; returns its number. With `args`, by the command `mirrorswarm publish`. */
  async publish(...args: readonly string[]): Promise<number> {
    if (args.length > 0 || !this.#speaksHttp) await this.operate('publish', ...args)
    else await this.#ask('publish', {})
    return this.headSnapshot()
  }

  /** Wait until each of `names` (all running ones by default) is in `state` at the newest snapshot. */
  async waitForState(
    state = 'synced',
    options: { readonly names?: readonly string[]; readonly timeoutMs?: number } = {},
  ): Promise<void> {
    const names =
      options.names ?? this.volunteers.filter(each => each.running).map(each => each.name)
    await waitUntil(
      `${names.join(', ')} ${state}`,
      async () => {
        const snapshot = await this.headSnapshot()
        const lines = await this.lines()
        return (
          snapshot > 0 &&
          names.every(name =>
            lines.some(
              line => line.name === name && line.state === state && line.snapshot === snapshot,
            ),
          )
        )
      },
      { timeoutMs: options.timeoutMs ?? 60_000, everyMs: 100, details: () => this.report() },
    )
  }

  /** A daemon's counters. */
  async metrics(daemon: Daemon): Promise<MetricSeries[]> {
    const answer = await fetch(`${daemon.url}/-/metrics`)
    return parseMetrics(await answer.text())
  }

  async metric(
    daemon: Daemon,
    name: string,
    labels: Readonly<Record<string, string>> = {},
  ): Promise<number> {
    return sumOf(await this.metrics(daemon), name, labels)
  }

  /** What everyone says about itself: for the message of a test that waited in vain. */
  async report(): Promise<string> {
    const outputs = [this.origin, ...this.volunteers].map(
      daemon =>
        `--- ${daemon.name} ${daemon.running ? 'runs' : 'does not run'}\n${daemon.output.slice(-2_000)}`,
    )
    try {
      outputs.push(JSON.stringify(await this.lines(), null, 1))
    } catch (error) {
      outputs.push(`the origin does not list its volunteers: ${String(error)}`)
    }
    return outputs.join('\n')
  }

  /** Stop everything and remove the temporary folder. */
  async stop(): Promise<void> {
    await Promise.all([...this.volunteers, this.origin].map(daemon => daemon.kill()))
    this.#temporary.remove()
  }
}
