// Starts and stops a volunteer: listens, enrols, follows the origin, serves. Wires parts; the
// decisions are elsewhere.

import { mkdir, realpath } from 'node:fs/promises'
import { hostname } from 'node:os'
import { systemClock } from '../core/clock.ts'
import { describeError, MirrorswarmError, systemCode } from '../core/errors.ts'
import { HttpClient } from '../core/http-client.ts'
import type { VolunteerName } from '../core/ids.ts'
import { warnOfSlowKernel } from '../core/kernel/slow-kernel.ts'
import { type AdjustableLogger, createLogger, type Logger } from '../core/log.ts'
import { volunteerNetworks } from '../core/selection-limits.ts'
import { Front, frontDefaults } from '../delivery/front.ts'
import { HandOver } from '../delivery/hand-over.ts'
import { type Assembly, type AssemblyInput, assemble } from './assemble.ts'
import { makeAuditOrders } from './audit-parts.ts'
import { type DataFolder, openDataFolder } from './data-folder.ts'
import {
  answerNonce,
  type Enrolment,
  enrol,
  type Identity,
  loadEnrolment,
  loadIdentity,
} from './enrol.ts'
import { makeMetrics } from './make-metrics.ts'
import { checkMounted } from './mount-check.ts'
import {
  type CheckedOptions,
  checkOptions,
  nameFromHost,
  placeOfData,
  prefixOf,
  urlOfListener,
  urlOnThisMachine,
  type VolunteerOptions,
} from './options.ts'
import { reload } from './reload.ts'
import { RequestSigner } from './request-signer.ts'
import { VolunteerServer } from './server.ts'
import type { FreeBytes } from './space.ts'

export type { VolunteerOptions } from './options.ts'

export interface RunningVolunteer {
  /** Where it answers, without trailing slash. */
  readonly url: string
  readonly name: VolunteerName
  readonly logger: Logger
  /** What is missing of the mirror; null while nothing is. */
  progress(): { readonly what: string; doneBytes: number; totalBytes: number } | null
  /**
   * Work by these options from now on, as far as that is possible while it runs: see reload.ts.
   * Throws MS_CONFIG_INVALID, and then nothing has changed.
   */
  reload(options: VolunteerOptions): void
  /** Says goodbye, lets transfers to clients end for a while, and stops everything. */
  stop(): Promise<void>
}

export interface StartSeams {
  /** Gives up starting, for instance while the origin cannot be reached for the enrolment. */
  readonly signal?: AbortSignal
  /** Instead of asking the file system. */
  readonly freeBytes?: FreeBytes
}

/** What is undone, last first, when the volunteer stops or does not get to start. */
class Undo {
  readonly #steps: (() => Promise<void> | void)[] = []

  add(step: () => Promise<void> | void): void {
    this.#steps.push(step)
  }

  /** Every step is tried; the first error is thrown in the end. */
  async run(): Promise<void> {
    const errors: unknown[] = []
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw errors[0]
  }
}

interface Base {
  readonly options: CheckedOptions
  readonly seams: StartSeams
  readonly data: DataFolder
  readonly mirrorDir: string
  readonly identity: Identity
  readonly before: Enrolment | null
  readonly name: VolunteerName
  readonly signer: RequestSigner
  readonly logger: AdjustableLogger
  readonly undo: Undo
  readonly stop: AbortController
}

const openMirror = async (folder: string): Promise<string> => {
  try {
    await mkdir(folder, { recursive: true })
    return await realpath(folder)
  } catch (error) {
    const reason = systemCode(error) ?? describeError(error)
    throw new MirrorswarmError(
      'MS_TREE_UNREADABLE',
      `cannot use the mirror folder ${folder} (${reason})`,
      { cause: error },
    )
  }
}

const openFolders = async (
  options: CheckedOptions,
  undo: Undo,
): Promise<{ readonly data: DataFolder; readonly mirrorDir: string }> => {
  const mirrorDir = await openMirror(options.mirrorDir)
  placeOfData(mirrorDir, options.dataDir)
  const data = await openDataFolder(options.dataDir)
  undo.add(() => data.release())
  placeOfData(mirrorDir, data.folder)
  return { data, mirrorDir }
}

const chooseName = (options: CheckedOptions, before: Enrolment | null): VolunteerName => {
  if (before === null) {
    if (options.token !== null) return options.name ?? nameFromHost(hostname())
    throw new MirrorswarmError(
      'MS_CONFIG_INVALID',
      'this volunteer is not enrolled yet: give the --token that the origin’s operator made',
    )
  }
  if (options.name === null || options.name === before.name) return before.name
  throw new MirrorswarmError(
    'MS_CONFIG_INVALID',
    `--name ${options.name}: this data folder is enrolled as ${before.name}`,
  )
}

/** Enrol now, or, when only the URL or the networks are new, beside everything else. */
const ensureEnrolled = async (base: Base, http: HttpClient, url: string): Promise<Enrolment> => {
  const { options, data, identity, before, name, signer, logger, stop } = base
  const parts = { http, signer, folder: data.identityFolder, identity, logger, random: Math.random }
  // More than the origin takes would refuse the enrolment; it is a hint only.
  const networks = options.networks.slice(0, volunteerNetworks).map(({ text }) => text.trim())
  const { originUrl, token } = options
  const request = { originUrl, token, name, url, networks }
  if (before === null) return await enrol(parts, request, null, stop.signal)
  const told = before.networks ?? []
  if (before.url !== url || told.join() !== networks.join()) {
    enrol(parts, request, before, stop.signal).catch((error: unknown) => {
      if (stop.signal.aborted) return
      logger.error({ error: describeError(error), url }, 'the origin does not take the new URL')
    })
  }
  return before
}

/** Begin and end everything but serving with the owner's hours. */
const followHours = ({ undo }: Base, assembly: Assembly): void => {
  const { schedule, follow, transport, announcer } = assembly
  schedule.start(async open => {
    if (open) await transport.swarm.start()
    follow.bootstrap?.setOpen(open)
    await follow.sync.setOpen(open)
    if (!open) await transport.swarm.stop()
    announcer.nudge()
  })
  undo.add(() => schedule.stop())
}

/** After the mirror was filled by rsync, if it is to be; resolves when that is over. */
const startSync = async ({ stop }: Base, { follow }: Assembly): Promise<void> => {
  const { bootstrap, sync } = follow
  if (bootstrap !== null) await bootstrap.run(stop.signal)
  if (!stop.signal.aborted) sync.start()
}

const startParts = async (base: Base, assembly: Assembly): Promise<void> => {
  const { undo } = base
  const { stores, transport, follow, load, courtesy, schedule } = assembly
  undo.add(() => {
    stores.reader.close()
    stores.writer.close()
    stores.store.close()
  })
  undo.add(() => transport.basis.stop())
  undo.add(() => transport.prefill.stop())
  await checkMounted(base.mirrorDir, stores.store)
  await transport.prefill.start()
  transport.basis.filler.start()
  await stores.staging.start()
  await follow.pruner.start()
  follow.follower.start()
  await transport.roster.start()
  assembly.client.setRoster(transport.roster.tag)
  undo.add(() => transport.roster.stop())
  undo.add(() => transport.swarm.stop())
  if (schedule.isOpen) await transport.swarm.start()
  undo.add(() => follow.sync.stop())
  const synchronising = startSync(base, assembly)
  undo.add(() => synchronising)
  // Nothing that stopping waits for may wait for the origin.
  undo.add(() => base.stop.abort())
  load.start()
  undo.add(() => load.stop())
  await assembly.dayBook.start()
  undo.add(() => assembly.dayBook.stop())
  courtesy.start()
  undo.add(() => courtesy.stop())
  followHours(base, assembly)
}

const startHandOver = async ({ options, logger, undo }: Base): Promise<HandOver | null> => {
  const { accelRedirect } = options
  if (accelRedirect === undefined || accelRedirect === null) return null
  const handOver = new HandOver({ clock: systemClock, logger }, accelRedirect)
  await handOver.start()
  undo.add(() => handOver.stop())
  return handOver
}

const fillingOf = ({ stores, follow }: Assembly): ReturnType<RunningVolunteer['progress']> => {
  const { heldBytes: doneBytes, wantedBytes: totalBytes } = stores.work.progress()
  const what = follow.bootstrap?.reason ?? 'synchronising'
  return doneBytes >= totalBytes ? null : { what, doneBytes, totalBytes }
}

const run = async (base: Base): Promise<RunningVolunteer> => {
  const { options, undo, logger, identity, name, stop } = base
  let assembly: Assembly | null = null
  let stopping = false
  const front = new Front(options.front ?? frontDefaults, systemClock)
  const metrics = makeMetrics(
    name,
    options,
    () => assembly,
    () => server.certificateEndsMs,
  )
  const http = new HttpClient()
  const announceHttp = new HttpClient()
  undo.add(() => http.stop())
  undo.add(() => announceHttp.stop())
  const server: VolunteerServer = new VolunteerServer(
    {
      metrics,
      logger,
      answerNonce: nonce => answerNonce(identity, name, nonce),
      status: () => assembly?.status.document() ?? { name, state: 'enrolling' },
    },
    { listen: options.listen, tls: options.tls, prefix: prefixOf(options.publicUrl), front },
  )
  undo.add(() => server.stop())
  const handOver = await startHandOver(base)
  const { port } = await server.start()
  const listening = urlOfListener({ host: options.listen.host, port }, options.tls !== null)
  const url = options.publicUrl ?? listening
  await base.data.announceRunning(urlOnThisMachine(options, port))
  const enrolment = await ensureEnrolled(base, http, url)
  const input: AssemblyInput = {
    ...{ options, identity, enrolment, metrics, http, announceHttp, logger, signer: base.signer },
    data: base.data,
    mirrorDir: base.mirrorDir,
    url: () => url,
    isStopping: () => stopping,
    stopSignal: stop.signal,
    serverSignal: server.signal,
    ...{ handOver, addresses: front.addresses },
    ...(base.seams.freeBytes === undefined ? {} : { freeBytes: base.seams.freeBytes }),
  }
  const made = assemble(input)
  assembly = made
  await startParts(base, made)
  const { announcer, serving, neighbours } = made
  const audits = makeAuditOrders(input, made)
  server.open(
    (...request) => serving.handle(...request),
    neighbours,
    audits,
    (...request) => serving.answerQuickly(...request),
  )
  undo.add(() => server.stop())
  announcer.start()
  undo.add(() => announcer.stop())
  undo.add(() => {
    stopping = true
  })
  logger.info({ name, url, mirror: base.mirrorDir }, 'serving')
  return {
    url,
    name,
    logger,
    progress: () => fillingOf(made),
    reload: given => reload({ logger, front, assembly: made }, given),
    stop: () => undo.run(),
  }
}

/**
 * Start a volunteer. Resolves when it is enrolled and serves; while the origin cannot be reached for
 * the first enrolment it keeps trying. Throws MS_CONFIG_INVALID, MS_DATA_LOCKED, MS_TOKEN_INVALID,
 * MS_NAME_TAKEN, MS_URL_REFUSED, ….
 */
export const startVolunteer = async (
  given: VolunteerOptions,
  seams: StartSeams = {},
): Promise<RunningVolunteer> => {
  const options = checkOptions(given)
  const logger = createLogger('volunteer', options.logLevel, options.logAddresses)
  warnOfSlowKernel(logger)
  const undo = new Undo()
  const stop = new AbortController()
  const giveUp = (): void => stop.abort(seams.signal?.reason)
  try {
    seams.signal?.throwIfAborted()
    seams.signal?.addEventListener('abort', giveUp, { once: true })
    const { data, mirrorDir } = await openFolders(options, undo)
    undo.add(() => stop.abort())
    const before = await loadEnrolment(data.identityFolder)
    const name = chooseName(options, before)
    const identity = await loadIdentity(data.identityFolder)
    const { privateKey } = identity.signing
    const signer = new RequestSigner({ name, privateKey, clock: systemClock })
    return await run({
      ...{ options, seams, data, mirrorDir, identity, before, name, signer, logger, undo, stop },
    })
  } catch (error) {
    stop.abort()
    await undo.run().catch((failure: unknown) => {
      logger.error({ error: describeError(failure) }, 'stopping after a failed start failed too')
    })
    throw error
  } finally {
    seams.signal?.removeEventListener('abort', giveUp)
  }
}
