// Runs cells of the matrix, several networks side by side, and prints each as a line of JSON. A
// program of its own, so that it can be run with an /etc/hosts of its own, for rescue names.
// Arguments: rows or columns to which it is limited.

import { temporaryFolder } from '../../loadtest/leftovers.ts'
import { runCell } from './cell.ts'
import { Lane, type LaneKind, type LaneOptions } from './lane.ts'
import { type Cell, type Column, columns } from './outcomes.ts'
import type { Row } from './row.ts'
import { rows } from './rows.ts'
import { makeSamples, type Samples } from './samples.ts'

/** Networks at the same time: mostly they wait. */
const lanes = 6

interface Task {
  readonly row: Row
  readonly column: Column
  readonly samples: Samples
}

/** zypper waits 30 s before it tries again. */
const patience = ({ row, column }: Task): number =>
  Number(column === 'stall') + Number(row.name === 'zypper')

const print = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

const runTask = async (lane: Lane, task: Task): Promise<Cell> => {
  const { row, column } = task
  try {
    return await runCell(lane, task)
  } catch (error) {
    const details = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { row: row.name, column, outcome: 'failed', seconds: 0, details }
  }
}

let before: Promise<unknown> = Promise.resolve()

/** One after the other: while one starts, clients wait in those before it. Null: none is needed. */
const startLane = (options: LaneOptions, queue: readonly Task[]): Promise<Lane | null> => {
  const lane = before.then(() => (queue.length === 0 ? null : Lane.start(options)))
  // Whoever waits for the lane sees the failure.
  before = lane.catch(() => undefined)
  return lane
}

const runLane = async (options: LaneOptions, queue: Task[]): Promise<void> => {
  const lane = await startLane(options, queue)
  if (lane === null) return
  try {
    for (let task = queue.shift(); task !== undefined; task = queue.shift()) {
      print(await runTask(lane, task))
    }
  } finally {
    await lane.stop()
  }
}

const wanted = process.argv.slice(2)
const isWanted = ({ row, column }: Task): boolean =>
  wanted.length === 0 ||
  (wanted.includes(row.name) && !wanted.some(each => columns.includes(each as Column))) ||
  (wanted.includes(column) && !wanted.some(each => rows.some(({ name }) => name === each))) ||
  (wanted.includes(row.name) && wanted.includes(column))

const temporary = temporaryFolder('samples')
try {
  const samples = await makeSamples(temporary.path)
  const runnable = rows.filter(row => row.skip() === false)
  // What waits longest goes first.
  const tasks = [...columns]
    .reverse()
    .flatMap(column => runnable.map(row => ({ row, column, samples })))
    .filter(isWanted)
    .sort((one, other) => patience(other) - patience(one))
  const queueOf = (kind: LaneKind): Task[] =>
    tasks.filter(({ row }) => (row.lane ?? 'plain') === kind)
  const plain = queueOf('plain')
  const repository = samples.root
  await Promise.all([
    ...Array.from({ length: lanes }, () => runLane({ repository, kind: 'plain' }, plain)),
    runLane({ repository, kind: 'rescue' }, queueOf('rescue')),
  ])
} finally {
  temporary.remove()
}
