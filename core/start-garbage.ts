// Lets go of what a start leaves behind: reading the state of a large network makes garbage that V8
// keeps until its heap grows beyond it, which may be never. Knows nothing of what was read.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { startGarbageBytes } from './limits.ts'

/** Collect once where `leastBytes` or more are taken; true if so. Stops everything for 0.1 s or so. */
export const collectStartGarbage = (leastBytes: number = startGarbageBytes): boolean => {
  const { heapTotal, arrayBuffers } = process.memoryUsage()
  if (heapTotal + arrayBuffers < leastBytes) return false
  // Only contexts that are made from now on have it, so nobody else can call it.
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  if (typeof collect === 'function') collect()
  return true
}
