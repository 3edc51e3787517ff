// The demo's story: publish a repository, enrol three volunteers, let real clients download, kill a
// volunteer, publish a new version, and say what it cost. Everything runs on loopback as separate
// processes, in a temporary folder that is removed at the end.

import { mkdirSync } from 'node:fs'
import { MirrorswarmError } from '../../core/errors.ts'
import { formatDuration } from '../../core/units.ts'
import { uniqueBytes } from '../../loadtest/compare-trees.ts'
import { waitUntil } from '../../loadtest/deadline.ts'
import { Network, type Volunteer } from '../../loadtest/network.ts'
import type { Io } from '../io.ts'
import { Bars, type Progress } from './bars.ts'
import { DemoClients } from './clients.ts'
import { Downloads } from './downloads.ts'
import { buildStage, type Stage } from './stage.ts'
import { summaryText } from './summary.ts'
import { TrafficLedger } from './traffic.ts'

interface Scene {
  readonly network: Network
  readonly stage: Stage
  readonly downloads: Downloads
  readonly traffic: TrafficLedger
  readonly io: Io
}

const syncTimeoutMs = 120_000

const heading = (io: Io, text: string): void => io.print(`\n── ${text}`)

const barsFor = (io: Io): Bars =>
  new Bars({
    interactive: io.interactive,
    columns: io.columns,
    write: text => void process.stderr.write(text),
  })

/** Show what the origin knows of its volunteers until all that run are synced. */
const watchSync = async (scene: Scene): Promise<void> => {
  const { network, io } = scene
  const bars = barsFor(io)
  await waitUntil(
    'the volunteers to be synced',
    async () => {
      io.stopped.throwIfAborted()
      const snapshot = await network.headSnapshot()
      const running = network.volunteers.filter(each => each.running).map(each => each.name)
      const lines = (await network.lines()).filter(line => running.includes(line.name))
      bars.show(
        lines.map(
          (line): Progress => ({
            name: line.name,
            doneBytes: Math.min(line.heldBytes, line.wantedBytes),
            totalBytes: line.wantedBytes,
            note: line.state,
          }),
        ),
      )
      return (
        lines.length === running.length &&
        lines.every(line => line.state === 'synced' && line.snapshot === snapshot)
      )
    },
    { timeoutMs: syncTimeoutMs, everyMs: 150, details: () => network.report() },
  )
}

const startOrigin = async (scene: Scene): Promise<void> => {
  const { network, io } = scene
  const started = performance.now()
  await network.origin.start()
  io.print(`  serves at ${network.origin.url}/ while it still hashes`)
  await network.waitForSnapshot(1)
  io.print(`  snapshot 1 after ${formatDuration(performance.now() - started)}`)
}

const startVolunteers = async (scene: Scene): Promise<void> => {
  const { network, stage, io } = scene
  const token = await network.createToken(3)
  const prepared = [
    await network.prepareVolunteer(token, { name: 'physics' }),
    await network.prepareVolunteer(token, {
      name: 'library',
      args: ['--include', 'debian/**', '--include', 'rpm/**'],
    }),
    await network.prepareVolunteer(token, { name: 'maths', mirror: stage.oldCopy }),
  ]
  io.print('  physics mirrors all, library only the packages, maths adopts an old copy')
  await Promise.all(prepared.map(volunteer => volunteer.start()))
  const started = performance.now()
  await watchSync(scene)
  io.print(`  synced after ${formatDuration(performance.now() - started)}`)
}

const firstDownloads = async (scene: Scene, clients: DemoClients): Promise<void> => {
  await clients.apt('swarm-hello')
  await clients.dnf('swarm-lib')
  await clients.curl(scene.stage.files.slice(0, 20))
}

const loseVolunteer = async (scene: Scene, clients: DemoClients): Promise<Volunteer | null> => {
  const { network, io, traffic } = scene
  const victim = await clients.interruptedImage(volunteer => traffic.remember(volunteer))
  if (victim === null) return null
  await waitUntil('the origin to notice', async () => {
    const line = (await network.lines()).find(each => each.name === victim.name)
    return line?.state === 'offline' || line?.state === 'unreachable'
  })
  io.print(`  the origin sends nobody to ${victim.name} any more`)
  await clients.apt('swarm-data')
  await clients.dnf('swarm-tool')
  await clients.curl(scene.stage.files.slice(20, 40))
  return victim
}

const publishVersion = async (
  scene: Scene,
  clients: DemoClients,
  lost: Volunteer | null,
): Promise<void> => {
  const { network, stage, io } = scene
  if (lost !== null) {
    await lost.start()
    io.print(`  ${lost.name} is back`)
  }
  if (stage.apt === null) return
  await stage.apt.publish([
    { name: 'swarm-hello', version: '1.2', payloadBytes: 300_000, depends: ['libswarm1'] },
  ])
  const started = performance.now()
  const snapshot = await network.publish()
  io.print(`  snapshot ${snapshot} with swarm-hello 1.2 published`)
  await watchSync(scene)
  io.print(`  on all volunteers ${sinceMs(started)} after the command was typed`)
  await clients.apt('swarm-hello')
}

const sinceMs = (started: number): string => formatDuration(performance.now() - started)

const summarise = async (scene: Scene): Promise<void> => {
  const { network, traffic, downloads, io } = scene
  const servers = await Promise.all(
    [network.origin, ...network.volunteers].map(async daemon => ({
      name: daemon.name,
      traffic: await traffic.of(daemon),
    })),
  )
  io.print(
    summaryText({
      servers,
      uniqueBytes: await uniqueBytes(network.repository),
      redirects: await traffic.redirects(),
      downloads,
    }),
  )
}

const tell = async (scene: Scene): Promise<void> => {
  const { network, stage, downloads, io } = scene
  const note = (text: string): void => io.print(`  ${text}`)
  heading(io, 'An origin publishes it')
  await startOrigin(scene)
  heading(io, 'Three volunteers enrol and synchronise, mostly from each other')
  await startVolunteers(scene)
  heading(io, 'Real clients download from the origin’s URL, redirected to volunteers')
  const clients = new DemoClients({ network, stage, downloads }, note)
  await firstDownloads(scene, clients)
  heading(io, 'A volunteer dies in the middle of a download')
  const lost = await loseVolunteer(scene, clients)
  heading(io, 'A new version is published')
  await publishVersion(scene, clients, lost)
  heading(io, 'What it took')
  await summarise(scene)
}

const stayUp = async (scene: Scene): Promise<void> => {
  const { network, io } = scene
  heading(io, 'It stays up until Ctrl-C; try it')
  io.print(`  curl -LO ${network.origin.url}/images/installer.iso`)
  io.print(`  ${network.origin.url}/ (the repository)`)
  io.print(`  ${network.origin.url}/-/v1/volunteers`)
  for (const volunteer of network.volunteers) io.print(`  ${volunteer.name}: ${volunteer.url}/`)
  io.print(`  its folders: ${network.folder}`)
  if (io.stopped.aborted) return
  await new Promise<void>(resolve => {
    const alive = setInterval(() => undefined, 60_000)
    io.stopped.addEventListener('abort', () => {
      clearInterval(alive)
      resolve()
    })
  })
}

/** Run the demo; throws when a file did not arrive with the right hash. */
export const demo = async (options: { readonly once: boolean }, io: Io): Promise<void> => {
  const started = performance.now()
  const network = await Network.prepare({ name: 'demo' })
  let stage: Stage | null = null
  try {
    heading(io, `A repository is built in ${network.folder}`)
    mkdirSync(network.repository, { recursive: true })
    stage = await buildStage(network.folder, network.repository, text => io.print(`  ${text}`))
    const traffic = new TrafficLedger(network)
    const scene: Scene = { network, stage, downloads: new Downloads(), traffic, io }
    await tell(scene)
    io.print(`time: ${sinceMs(started)}`)
    const { failures, all } = scene.downloads
    if (failures.length > 0 || all.length === 0) {
      throw new MirrorswarmError(
        'MS_CONTENT_MISMATCH',
        `${failures.length} of ${all.length} downloads failed`,
      )
    }
    if (!options.once) await stayUp(scene)
  } finally {
    stage?.apt?.close()
    await network.stop()
  }
}
