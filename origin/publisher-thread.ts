// The thread in which the origin publishes, so that scanning and database work never make a client
// wait. Takes one publish after the other from publisher.ts and reports what happens.

import { parentPort, workerData } from 'node:worker_threads'
import { describeError, type ErrorCode, isMirrorswarmError } from '../core/errors.ts'
import type { RepoPath } from '../core/ids.ts'
import { progressReportMs } from '../core/limits.ts'
import type { WantedPaths } from '../manifest/logic/demand.ts'
import type { PruneResult } from '../manifest/prune.ts'
import type { PublishResult, PublishWarning } from '../manifest/publish.ts'
import type { ReadingProgress } from '../manifest/tree-reading.ts'
import { type PublishPlace, PublishWork } from './publish-work.ts'

export type ToThread =
  | {
      readonly type: 'publish'
      readonly allowShrink: boolean
      readonly scopes: readonly WantedPaths[]
    }
  | { readonly type: 'prune'; readonly sinceMs: number }
  | { readonly type: 'stop' }

export type FromThread =
  | { readonly type: 'progress'; readonly progress: ReadingProgress }
  | { readonly type: 'warning'; readonly warning: PublishWarning }
  /** What a signed index names is not known. */
  | { readonly type: 'unfollowed'; readonly warning: PublishWarning }
  | { readonly type: 'published'; readonly result: PublishResult }
  | { readonly type: 'pruned'; readonly result: PruneResult }
  /** What signed indexes name is written down. */
  | { readonly type: 'signed' }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string }

type PublishOrder = Extract<ToThread, { type: 'publish' }>

const serve = (port: NonNullable<typeof parentPort>): void => {
  const work = new PublishWork(workerData as PublishPlace)
  const stopping = new AbortController()
  const tell = (message: FromThread): void => port.postMessage(message)

  const fail = (error: unknown): void => {
    const code = isMirrorswarmError(error) ? error.code : 'MS_INTERNAL'
    tell({ type: 'failed', code, message: describeError(error) })
  }

  const prune = async (sinceMs: number): Promise<void> => {
    try {
      tell({ type: 'pruned', result: await work.prune(sinceMs, stopping.signal) })
    } catch (error) {
      fail(error)
    }
  }

  const run = async ({ allowShrink, scopes }: PublishOrder): Promise<void> => {
    let reportedMs = 0
    try {
      const result = await work.run({
        ...{ allowShrink, scopes },
        signal: stopping.signal,
        onProgress: progress => {
          if (performance.now() - reportedMs < progressReportMs) return
          reportedMs = performance.now()
          tell({ type: 'progress', progress: { ...progress } })
        },
        onWarning: warning => tell({ type: 'warning', warning }),
      })
      tell({ type: 'published', result })
      await sign()
    } catch (error) {
      fail(error)
    }
  }

  /** Nobody waits for this: a publish is done when its snapshot is there. */
  const sign = async (): Promise<void> => {
    const { signal } = stopping
    const onWarning = (warning: PublishWarning): void => tell({ type: 'unfollowed', warning })
    try {
      if (await work.sign({ signal, onWarning })) tell({ type: 'signed' })
    } catch (error) {
      if (signal.aborted) return
      const path = '' as RepoPath
      onWarning({ path, reason: describeError(error) })
    }
  }

  let current: Promise<void> = Promise.resolve()
  port.on('message', (message: ToThread) => {
    if (message.type === 'publish') {
      current = current.then(() => run(message))
      return
    }
    if (message.type === 'prune') {
      current = current.then(() => prune(message.sinceMs))
      return
    }
    stopping.abort(new Error('the origin stops'))
    current.then(() => work.close()).finally(() => port.close())
  })
}

if (parentPort !== null) serve(parentPort)
