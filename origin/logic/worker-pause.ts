// How long to wait before a worker thread that died is started anew. Pure.

import { workerPauseCeilingMs, workerPauseMs, workerTrialMs } from '../../core/worker-limits.ts'

export interface Pause {
  readonly ms: number
}

/** At once for one that worked for a while; `before`: the pause before this one, if any. */
export const nextPause = (before: Pause | null, livedMs: number): Pause => {
  if (livedMs >= workerTrialMs) return { ms: 0 }
  const ms = before === null || before.ms === 0 ? workerPauseMs : before.ms * 2
  return { ms: Math.min(ms, workerPauseCeilingMs) }
}
