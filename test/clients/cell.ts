// One cell of the matrix: a client is sent to a volunteer that fails, tries, and tries again; what
// became of it.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { hashFile } from '../../loadtest/compare-trees.ts'
import { waitAtMost } from '../../loadtest/deadline.ts'
import { temporaryFolder } from '../../loadtest/leftovers.ts'
import { type ProgramResult, run } from '../../loadtest/programs.ts'
import type { Fault } from './front.ts'
import type { Lane } from './lane.ts'
import type { Cell, Column, Outcome } from './outcomes.ts'
import type { Client, Row } from './row.ts'
import type { Samples } from './samples.ts'

/** No try takes longer: who waits longer hangs. */
const tryMs = 55_000
/** A client that was not sent to the faulty volunteer (an audit came between) begins anew. */
const attempts = 4

const faultOf = (column: Column): Fault | null => {
  if (column === 'healthy') return null
  return column === 'interrupted' ? 'stall' : column
}

interface Stage {
  readonly lane: Lane
  readonly client: Client
  /** The origin as the client knows it. */
  readonly url: string
  readonly folder: string
  readonly original: string
  readonly row: Row
  readonly said: string[]
}

const tryOnce = async (stage: Stage): Promise<ProgramResult> => {
  const stop = new AbortController()
  const running = stage.client.run({ signal: stop.signal, timeoutMs: 2 * tryMs })
  let result: ProgramResult
  try {
    result = await waitAtMost(running, tryMs, stage.row.name)
  } catch {
    stop.abort()
    result = { ...(await running), status: null }
    stage.said.push('it waited for ever')
  }
  stage.said.push(`status ${result.status}: ${`${result.stdout}${result.stderr}`.slice(-1_500)}`)
  return result
}

const isRight = async ({ client, original }: Stage): Promise<boolean> => {
  const file = client.file()
  return file !== null && (await hashFile(file)) === (await hashFile(original))
}

/** What a careful user does: the origin's list of hashes, by sha256sum. True if the file is right. */
const userChecks = async ({ client, url, folder }: Stage): Promise<boolean> => {
  const answer = await fetch(`${url}/${client.path}?sha256`)
  writeFileSync(join(folder, 'SHA256SUMS'), await answer.text())
  const { status } = await run('sha256sum', ['-c', 'SHA256SUMS'], { cwd: folder })
  return status === 0
}

const heal = async (stage: Stage): Promise<Outcome> => {
  const first = await tryOnce(stage)
  if (first.status === 0 && (await isRight(stage))) return 'itself'
  let promised: Outcome = 'next try'
  if (first.status === 0) {
    // The bytes are wrong and the client is content: that must not happen to who has hashes.
    if (stage.row.verifies || (await userChecks(stage))) return 'failed'
    rmSync(join(stage.folder, basename(stage.client.path)), { force: true })
    promised = 'check, next try'
  }
  const second = await tryOnce(stage)
  return second.status === 0 && (await isRight(stage)) ? promised : 'failed'
}

/** Stopped when half of the file is there, and started again. */
const interrupt = async (stage: Stage): Promise<Outcome> => {
  const stop = new AbortController()
  const half = stage.lane.faulty.half()
  // As by Ctrl-C, upon which some clients write down how far they came.
  const running = stage.client.run({ signal: stop.signal, stopSignal: 'SIGINT' })
  await Promise.race([half, running])
  // What was sent takes a moment to be written.
  await new Promise(resolve => setTimeout(resolve, 300))
  stop.abort()
  await running
  const before = stage.lane.sent.length
  const second = await tryOnce(stage)
  if (second.status !== 0 || !(await isRight(stage))) return 'failed'
  const ranges = stage.lane.sent.slice(before).filter(({ status }) => status === 206)
  return ranges.some(({ range }) => /^bytes=[1-9]\d*-/.test(range ?? ''))
    ? 'resumes'
    : 'starts over'
}

const serve = async (stage: Stage): Promise<Outcome> => {
  const { status } = await tryOnce(stage)
  return status === 0 && (await isRight(stage)) ? 'served' : 'failed'
}

const play = (column: Column, stage: Stage): Promise<Outcome> => {
  if (column === 'healthy') return serve(stage)
  return column === 'interrupted' ? interrupt(stage) : heal(stage)
}

/** Run a cell in a lane. Throws when the client was never sent to the faulty volunteer. */
export const runCell = async (
  lane: Lane,
  { row, column, samples }: { row: Row; column: Column; samples: Samples },
): Promise<Cell> => {
  for (let attempt = 1; ; attempt++) {
    await lane.settle()
    await lane.faulty.set(faultOf(column))
    const temporary = temporaryFolder('client')
    const line = await lane.line()
    try {
      const folder = join(temporary.path, 'user')
      mkdirSync(folder)
      const { url, address } = line
      const client = row.make({ url, address, folder, samples })
      const original = join(samples.root, client.path)
      const said: string[] = []
      const started = performance.now()
      const outcome = await play(column, {
        ...{ lane, client, url, folder, original, row, said },
      })
      const seconds = (performance.now() - started) / 1000
      if (lane.wentToFaulty(line) && (column === 'dead' || lane.faulty.sent.length > 0)) {
        said.push(`sent to ${line.sentTo.join(', ')}; served ${JSON.stringify(lane.sent)}`)
        return { row: row.name, column, outcome, seconds, details: said.join('\n') }
      }
      if (attempt === attempts) {
        const sentTo = line.sentTo.join(', ') || 'nobody'
        throw new Error(
          `${row.name} went to ${sentTo} first, not to the faulty volunteer:\n${said}`,
        )
      }
    } finally {
      await line.stop()
      temporary.remove()
    }
  }
}
