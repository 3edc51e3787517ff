// Which files users ask for: read once from the JSON that the runner writes, drawn by the shares of
// bytes that a class of files has and by the popularity of each file. Run by k6, not by Node.

import { SharedArray } from 'k6/data'
import type { FileClass, Workload, WorkloadFile } from '../storms/workload-format.ts'

export type { WorkloadFile } from '../storms/workload-format.ts'

// `open` exists only while k6 loads a script; the file is kept once for all users.
const [workload] = new SharedArray<Workload>('workload', () => [
  JSON.parse(open(__ENV.WORKLOAD ?? '')) as Workload,
])

if (workload === undefined) throw new Error('WORKLOAD names no file')

export const indexes: readonly WorkloadFile[] = workload.indexes
export const credentials = workload.credentials

/** The first whose sum of weights reaches `share` of all. */
const drawFrom = <T extends { readonly upTo: number }>(sorted: readonly T[]): T => {
  const place = Math.random()
  let low = 0
  let high = sorted.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle]?.upTo ?? 1) < place) low = middle + 1
    else high = middle
  }
  const drawn = sorted[low]
  if (drawn === undefined) throw new Error('nothing to draw from')
  return drawn
}

const classes: readonly FileClass[] = workload.classes
const filesOf = new Map<string, readonly WorkloadFile[]>(
  classes.map(each => [each.name, each.files]),
)

/** One file, as often as users want it. */
export const drawFile = (): WorkloadFile => drawFrom(drawFrom(classes).files)

/** One file of a class: `image`, `update` or `other`. */
export const drawOf = (name: FileClass['name']): WorkloadFile => drawFrom(filesOf.get(name) ?? [])
