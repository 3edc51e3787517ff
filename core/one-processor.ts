// Where there is one processor only, V8's helpers take it away from the thread that answers: some
// milliseconds each time, four of them at once. There that thread had better collect by itself, in
// steps of less than one. Knows nothing of what is answered.

import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'

/** To be called at the start of a daemon. True if helpers are let go. */
export const collectAlone = (processors: number = availableParallelism()): boolean => {
  if (processors > 1) return false
  // Both are read whenever a collection begins.
  setFlagsFromString('--no-concurrent-marking')
  setFlagsFromString('--no-parallel-scavenge')
  return true
}
