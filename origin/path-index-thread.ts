// The thread that reads the files of a snapshot that may be redirected into a path table and hands its memory over. It
// decides nothing, and ends when it is done.

import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { indexNiceness, indexReadFiles, indexReadPauseMs } from '../core/front-limits.ts'
import type { RepoPath, SnapshotNumber } from '../core/ids.ts'
import { redirectFloorBytes } from '../core/limits.ts'
import { matchPaths } from '../manifest/logic/path-pattern.ts'
import { ManifestReader } from '../manifest/store/reader.ts'
import type { HashKey } from './logic/keyed-hash.ts'
import { fitsPathTable, PathTable, pathTableMemory } from './logic/path-table.ts'
import { isEntryPoint } from './logic/snapshot-pin.ts'

export interface PathIndexWork {
  /** The manifest's database. */
  readonly file: string
  readonly snapshot: SnapshotNumber
  /** Files of the snapshot. */
  readonly files: number
  /** Patterns of names that are left out. */
  readonly leftOut: readonly string[]
  readonly key: HashKey
}

/** Clients are answered first. Elsewhere than on Linux threads have no priority of their own. */
const giveWay = (): void => {
  if (process.platform !== 'linux') return
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), indexNiceness)
  } catch {
    // Where /proc is hidden it is as quick as the others.
  }
}

const build = async ({ file, snapshot, files, leftOut, key }: PathIndexWork) => {
  const isLeftOut = matchPaths(leftOut)
  const reader = ManifestReader.open(file)
  try {
    const memory = pathTableMemory(snapshot, key, files)
    const table = new PathTable(memory)
    let after = '' as RepoPath
    let seen = 0
    // In parts, so that no read transaction stays open for seconds.
    for (;;) {
      const found = reader.filesAfter(after, snapshot, indexReadFiles)
      for (const { path, content } of found) {
        const { sizeBytes } = content
        if (sizeBytes < redirectFloorBytes || isEntryPoint(path) || isLeftOut(path)) continue
        if (!fitsPathTable(content)) continue
        if (!table.add(path, content)) throw new Error(`no room for ${path}`)
      }
      const last = found.at(-1)
      if (last === undefined) break
      after = last.path
      seen += found.length
      await sleep(indexReadPauseMs)
    }
    if (seen !== files) throw new Error(`${seen} files of ${files}`)
    return memory
  } finally {
    reader.close()
  }
}

giveWay()
const memory = await build(workerData as PathIndexWork)
const { slots, checks, numbers, hashes, lows, highs } = memory
const parts = [slots, checks, numbers, hashes, lows, highs]
parentPort?.postMessage(
  memory,
  parts.map(({ buffer }) => buffer),
)
