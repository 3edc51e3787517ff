// What must not outlive this process: child process groups and temporary folders. Registered here,
// they are removed at exit and on SIGINT, SIGTERM and SIGHUP, also when a test failed.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const cleanups = new Set<() => void>()
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
let installed = false

const cleanAll = (): void => {
  for (const cleanup of [...cleanups].reverse()) cleanup()
  cleanups.clear()
}

const install = (): void => {
  if (installed) return
  installed = true
  process.on('exit', cleanAll)
  for (const signal of signals) {
    process.once(signal, () => {
      cleanAll()
      // Raised again without this listener, so that the caller sees the death it asked for.
      process.kill(process.pid, signal)
    })
  }
}

/** Run `cleanup` (synchronous, must not throw) at the latest when this process ends. Returns how to forget it. */
export const cleanAtExit = (cleanup: () => void): (() => void) => {
  install()
  cleanups.add(cleanup)
  return () => cleanups.delete(cleanup)
}

export interface TemporaryFolder {
  readonly path: string
  remove(): void
}

/** A fresh folder under the system's temporary folder; removed at exit unless removed before. */
export const temporaryFolder = (name: string): TemporaryFolder => {
  const path = mkdtempSync(join(tmpdir(), `mirrorswarm-${name}-`))
  const removeFolder = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 5 })
  const forget = cleanAtExit(() => {
    try {
      removeFolder()
    } catch {
      process.stderr.write(`could not remove ${path}; please remove it by hand\n`)
    }
  })
  return {
    path,
    remove: () => {
      removeFolder()
      forget()
    },
  }
}
