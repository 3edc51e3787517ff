// mirrorswarm fetch: a file from several volunteers at once, checked piece by piece and as a whole
// against what the origin signed; goes on where it was after an interruption.

import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { systemClock } from '../../core/clock.ts'
import { isMirrorswarmError, MirrorswarmError } from '../../core/errors.ts'
import { formatSize } from '../../core/units.ts'
import { authorizationFor } from '../fetch/credentials.ts'
import { type Described, describeFile, type KeyChooser } from '../fetch/describe.ts'
import { Download } from '../fetch/download.ts'
import { pinKey, pinnedKey } from '../fetch/known-origins.ts'
import { hashOfFile, PartialFile, partialName } from '../fetch/partial-file.ts'
import { Web } from '../fetch/web.ts'
import { parseFileUrl } from '../fetch-options.ts'
import type { Io } from '../io.ts'
import type { Values } from '../option-spec.ts'
import type { optionTables } from '../options.ts'
import { ProgressLine } from '../progress-line.ts'

type Options = Values<typeof optionTables.fetch>

const stateFolder = (): string =>
  join(process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'mirrorswarm')

/** The name of the file on this disk: decoded where that is text without control characters. */
export const fileNameOf = (url: URL): string => {
  const name = url.pathname.slice(url.pathname.lastIndexOf('/') + 1)
  try {
    const text = decodeURIComponent(name)
    return /[/\p{Cc}]/u.test(text) || text === '.' || text === '..' ? name : text
  } catch {
    return name
  }
}

/** The key to believe: given, remembered, or, at the first time, what the origin says. */
const keyChooser = (options: Options, io: Io): KeyChooser => {
  const file = options.knownOrigins ?? join(stateFolder(), 'known-origins.json')
  return async (base, claimed) => {
    if (options.rootKey !== null) return options.rootKey
    const pinned = await pinnedKey(file, base)
    if (pinned === null) {
      await pinKey(file, base, claimed)
      io.note(`${base} is new here; from now on it must have the root key ${claimed}`)
      return claimed
    }
    if (pinned === claimed) return pinned
    throw new MirrorswarmError(
      'MS_MANIFEST_INVALID',
      `${base} has another root key than before (${claimed}); if its operator changed it, give it by --root-key`,
    )
  }
}

const isChanged = (error: unknown): boolean =>
  isMirrorswarmError(error) && error.code === 'MS_FILE_CHANGED'

interface Fetched {
  readonly seconds: number
  readonly received: ReadonlyMap<string, number>
}

/** Fetch what is missing, check the whole, and put it in its place. */
const fetchTo = async (
  web: Web,
  file: Described,
  target: string,
  connections: number,
  io: Io,
): Promise<Fetched> => {
  const { sha256, sizeBytes } = file.claim
  const partial = await PartialFile.open(partialName(target, sha256), sizeBytes, file.pieces)
  const progress = new ProgressLine(io)
  const startMs = systemClock.monotonicMs()
  let finished = false
  try {
    const missing = await partial.missing(io.stopped)
    let done = sizeBytes - missing.reduce((sum, index) => sum + partial.pieceBytes(index), 0)
    if (done > 0) io.note(`${formatSize(done)} of ${formatSize(sizeBytes)} are here already`)
    const onProgress = (bytes: number): void => {
      done += bytes
      progress.show(fileNameOf(new URL(file.base + file.claim.path)), done, sizeBytes)
    }
    const onTrouble = (text: string): void => {
      progress.end()
      io.note(text)
    }
    const nowMs = () => systemClock.monotonicMs()
    const download = new Download(
      { web, file, partial, nowMs, onProgress, onTrouble },
      missing,
      connections,
    )
    if (missing.length > 0) await download.run(io.stopped)
    progress.end()
    if ((await partial.hash()) !== sha256) {
      finished = true
      await partial.remove()
      throw new MirrorswarmError(
        'MS_ANSWER_INVALID',
        'what was sent is not the file that the origin signed, and was removed',
      )
    }
    finished = true
    await partial.finish(target, file.modifiedMs)
    return { seconds: (nowMs() - startMs) / 1000, received: download.received }
  } catch (error) {
    // Nobody has the rest any more.
    if (!finished && isChanged(error)) {
      finished = true
      await partial.remove()
    }
    throw error
  } finally {
    progress.end()
    if (!finished) await partial.close()
  }
}

const report = ({ seconds, received }: Fetched, sizeBytes: number, target: string): string => {
  const from = [...received].map(([name, bytes]) => `${formatSize(bytes)} from ${name}`)
  const rate = formatSize(sizeBytes / Math.max(seconds, 0.001))
  const sources = from.length === 0 ? '' : ` (${from.join(', ')})`
  return `${target}: ${formatSize(sizeBytes)} in ${seconds.toFixed(1)} s, ${rate}/s${sources}`
}

const toOutput = async (web: Web, file: Described, connections: number, io: Io): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'mirrorswarm-fetch-'))
  try {
    const target = join(folder, 'file')
    // Nothing is handed on before all of it is known to be right.
    await fetchTo(web, file, target, connections, io)
    await pipeline(createReadStream(target), process.stdout, { end: false })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Ask who has the file, fetch it, and say how it went. */
const fetchOnce = async (web: Web, url: URL, options: Options, io: Io): Promise<void> => {
  const { output, connections } = options
  const nowMs = () => systemClock.nowMs()
  const file = await describeFile(web, url, keyChooser(options, io), nowMs, io.stopped)
  if (output === '-') return toOutput(web, file, connections, io)
  const target = resolve(output ?? fileNameOf(url))
  const { sha256, sizeBytes } = file.claim
  if ((await hashOfFile(target, sizeBytes)) === sha256) {
    io.note(`${target} is here already, with the right hash`)
    return
  }
  io.note(report(await fetchTo(web, file, target, connections, io), sizeBytes, target))
}

export const runFetch = async (options: Options, io: Io): Promise<void> => {
  const url = parseFileUrl(options.url)
  const netrc = options.netrcFile ?? process.env.NETRC ?? join(homedir(), '.netrc')
  const authorization = await authorizationFor(url, netrc)
  const web = new Web({ origin: url.origin, authorization })
  try {
    await fetchOnce(web, url, options, io)
  } catch (error) {
    if (!isChanged(error)) throw error
    io.note('a new version was published meanwhile; that one is fetched')
    await fetchOnce(web, url, options, io)
  } finally {
    await web.stop()
  }
}
